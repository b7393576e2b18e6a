#include "Hdf5Handle.h"

std::string Hdf5Reason()
{
  std::string reason;
  H5Ewalk2(
    H5E_DEFAULT, H5E_WALK_UPWARD,
    [](unsigned level, const H5E_error2_t *error, void *data) -> herr_t {
      if (level == 0 && error->desc)
        *static_cast<std::string *>(data) = error->desc;
      return 0;
    },
    &reason);
  if (reason.find("Fletcher32") != std::string::npos)
    return "its checksum does not match, so the file is damaged there";
  return reason.empty() ? "HDF5 does not say why" : "HDF5 says: " + reason;
}

std::vector<hsize_t> Hdf5Extent(hid_t dataset)
{
  const Hdf5Handle space(H5Dget_space(dataset));
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 1 || H5Sget_simple_extent_type(space) != H5S_SIMPLE)
    return {};
  std::vector<hsize_t> extent(rank);
  H5Sget_simple_extent_dims(space, extent.data(), nullptr);
  return extent;
}

std::vector<hsize_t> Hdf5Chunk(hid_t dataset)
{
  const Hdf5Handle creation(H5Dget_create_plist(dataset));
  std::vector<hsize_t> shape = Hdf5Extent(dataset);
  if (H5Pget_layout(creation) == H5D_CHUNKED)
    H5Pget_chunk(creation, static_cast<int>(shape.size()), shape.data());
  return shape;
}

double Hdf5Product(const std::vector<hsize_t> &sizes)
{
  double product = 1;
  for (hsize_t size : sizes)
    product *= static_cast<double>(size);
  return product;
}

std::vector<std::string> Hdf5Children(hid_t group)
{
  std::vector<std::string> names;
  H5G_info_t info;
  if (H5Gget_info(group, &info) < 0)
    return names;
  for (hsize_t k = 0; k < info.nlinks; ++k) {
    char name[1024];
    const ssize_t length =
      H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, k, name, sizeof name, H5P_DEFAULT);
    if (length < 1)
      break;
    names.emplace_back(name);
  }
  return names;
}
