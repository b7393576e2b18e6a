// RunFile: what stands between a file and its use. Nothing is opened but through hard links,
// nothing read before its type is known, no memory asked for that the file cannot fill.
#include "RunFile.h"

#include <algorithm>
#include <cstring>

namespace {
/// The numbers that a run file may hold.
Hdf5Handle SmallFloat(size_t sign, size_t exponent, size_t exponentBits, size_t bias)
{
  Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(type, sign, exponent, exponentBits, 0, exponent);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, bias);
  return type;
}

const char *ClassName(H5T_class_t type)
{
  switch (type) {
  case H5T_INTEGER:
    return "integers";
  case H5T_FLOAT:
    return "floating-point numbers of another format";
  case H5T_STRING:
    return "strings";
  case H5T_COMPOUND:
    return "compounds";
  case H5T_VLEN:
    return "sequences of variable length";
  case H5T_REFERENCE:
    return "references";
  default:
    return "something else";
  }
}

} // namespace

/// Which of our types it is; false where it is none.
bool RunFile::FindType(hid_t type, tv_type &found)
{
  if (H5Tequal(type, H5T_IEEE_F32LE) > 0)
    found = TV_FLOAT32;
  else if (H5Tequal(type, H5T_IEEE_F64LE) > 0)
    found = TV_FLOAT64;
  else if (H5Tequal(type, SmallFloat(15, 10, 5, 15)) > 0)
    found = TV_FLOAT16;
  else if (H5Tequal(type, SmallFloat(15, 7, 8, 127)) > 0)
    found = TV_BFLOAT16;
  else
    return false;
  return true;
}

std::vector<std::string> RunFile::ReadStrings(
  hid_t object, const char *attribute, size_t most, const std::string &title)
{
  const std::string what = "the attribute \"" + std::string(attribute) + "\" of " + title;
  if (H5Aexists(object, attribute) <= 0)
    this->Fail(what + " is missing");
  const Hdf5Handle opened(H5Aopen(object, attribute, H5P_DEFAULT));
  const Hdf5Handle type(opened ? H5Aget_type(opened) : -1);
  const Hdf5Handle space(opened ? H5Aget_space(opened) : -1);
  if (!opened || !type || !space)
    this->Fail(what + " cannot be read");
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
    this->Fail(what + " is not a string of fixed length");
  const size_t length = H5Tget_size(type);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  if (length < 1 || length > 4096 || count < 0 || static_cast<size_t>(count) > most ||
      static_cast<double>(length) * static_cast<double>(count) >
        static_cast<double>(this->FileSize))
    this->Fail(what + " is longer than it can be");
  std::vector<char> text(length * static_cast<size_t>(count) + 1);
  const Hdf5Handle memory(H5Tcopy(type));
  if (count > 0 && H5Aread(opened, memory, text.data()) < 0)
    this->Fail(what + " cannot be read; " + Hdf5Reason());
  const bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  std::vector<std::string> strings;
  for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
    std::string one(text.data() + k * length, strnlen(text.data() + k * length, length));
    while (spaces && !one.empty() && one.back() == ' ')
      one.pop_back();
    strings.push_back(one);
  }
  return strings;
}

std::string RunFile::ReadString(hid_t object, const char *attribute, const std::string &title)
{
  const std::vector<std::string> strings = this->ReadStrings(object, attribute, 1, title);
  return strings.empty() ? std::string() : strings.front();
}

/// A group or dataset by its name, through a hard link only.
Hdf5Handle RunFile::OpenChild(
  hid_t parent, const std::string &name, const std::string &title, hid_t access)
{
  H5L_info_t link;
  if (H5Lexists(parent, name.c_str(), H5P_DEFAULT) <= 0)
    this->Fail(title + " has no \"" + name + "\"");
  if (H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT) < 0)
    this->Fail("\"" + name + "\" of " + title + " cannot be read; " + Hdf5Reason());
  if (link.type != H5L_TYPE_HARD)
    this->Fail("\"" + name + "\" of " + title + " is " +
               (link.type == H5L_TYPE_SOFT        ? "a soft"
                 : link.type == H5L_TYPE_EXTERNAL ? "an external"
                                                  : "a user-defined") +
               " link, which run files must not have");
  // What the link leads to is known only once it is open, and datasets are opened with a cache.
  Hdf5Handle child(H5Oopen(parent, name.c_str(), H5P_DEFAULT));
  if (child && H5Iget_type(child) == H5I_DATASET && access != H5P_DEFAULT)
    child = Hdf5Handle(H5Dopen2(parent, name.c_str(), access));
  if (!child)
    this->Fail("\"" + name + "\" of " + title + " cannot be opened; " + Hdf5Reason());
  return child;
}

/// Walks from the root; every link on the way is checked.
Hdf5Handle RunFile::OpenPath(const std::string &path, const std::string &title, size_t cache)
{
  const Hdf5Handle access(H5Pcreate(H5P_DATASET_ACCESS));
  if (cache)
    H5Pset_chunk_cache(access, 100003, cache, 1.0); // chunks are read in order: drop the used first
  Hdf5Handle parent;
  std::string above = "the file";
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    const bool last = end == path.size();
    Hdf5Handle child = this->OpenChild(
      parent ? parent : this->File, name, above, cache ? hid_t(access) : H5P_DEFAULT);
    if (!last && H5Iget_type(child) != H5I_GROUP)
      this->Fail("\"" + name + "\" of " + above + " is not a group");
    above = last || title.empty() ? name : title;
    parent = std::move(child);
    begin = end + 1;
  }
  return parent;
}

/// What cannot be read safely is refused before anything is read.
void RunFile::CheckDataset(hid_t dataset, const std::string &title, bool numbers)
{
  if (H5Iget_type(dataset) != H5I_DATASET)
    this->Fail(title + " is not a dataset");
  const Hdf5Handle type(H5Dget_type(dataset));
  const H5T_class_t kind = H5Tget_class(type);
  tv_type found;
  if (numbers ? !FindType(type, found) : kind != H5T_INTEGER)
    this->Fail(title + " holds " + ClassName(kind) + ", not " +
               (numbers ? "float16, bfloat16, float32 or float64 (little-endian)" : "integers"));
  if (H5Tget_size(type) > 8)
    this->Fail(title + " holds numbers of more than 8 bytes");
  const Hdf5Handle creation(H5Dget_create_plist(dataset));
  if (H5Pget_external_count(creation) > 0)
    this->Fail(title + " is stored in another file, which run files must not be");
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL)
    this->Fail(title + " is a virtual dataset, which run files must not have");
  if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
    this->Fail(title + " is stored in a way that is not known");
  const int filters = H5Pget_nfilters(creation);
  for (int k = 0; k < filters; ++k) {
    unsigned int flags = 0, configuration = 0;
    size_t count = 0;
    const H5Z_filter_t filter =
      H5Pget_filter2(creation, k, &flags, &count, nullptr, 0, nullptr, &configuration);
    if (filter != H5Z_FILTER_FLETCHER32 && filter != H5Z_FILTER_DEFLATE &&
        filter != H5Z_FILTER_SHUFFLE)
      this->Fail(title + " is compressed with filter " + std::to_string(filter) +
                 ", which run files must not use (deflate and shuffle are allowed)");
  }
}

/// Refuses what the file cannot hold, before memory is asked for.
void RunFile::CheckFits(hid_t dataset, double bytes, const std::string &title)
{
  const Hdf5Handle creation(H5Dget_create_plist(dataset));
  double ratio = 1.0;
  for (int k = 0; k < H5Pget_nfilters(creation); ++k) {
    unsigned int flags = 0, configuration = 0;
    size_t count = 0;
    if (H5Pget_filter2(creation, k, &flags, &count, nullptr, 0, nullptr, &configuration) ==
        H5Z_FILTER_DEFLATE)
      ratio = 1100.0; // deflate cannot do better than 1032 to 1
  }
  const Hdf5Handle type(H5Dget_type(dataset));
  const double chunk = Hdf5Product(Hdf5Chunk(dataset)) * static_cast<double>(H5Tget_size(type));
  const double most = std::max(bytes, chunk);
  if (most > static_cast<double>(this->FileSize) * ratio)
    this->FileSize = Size(this->FileName); // it may have grown
  if (most > static_cast<double>(this->FileSize) * ratio)
    this->Fail(title + " declares more data than the file can hold");
  if (H5Pget_layout(creation) == H5D_CONTIGUOUS) {
    const haddr_t at = H5Dget_offset(dataset);
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (at == HADDR_UNDEF || at > this->FileSize || stored > this->FileSize - at)
      this->Fail(title + " declares more data than the file can hold");
  }
}

std::vector<int64_t> RunFile::ReadIntegers(
  const std::string &path, size_t count, const std::string &title)
{
  std::vector<int64_t> numbers;
  if (count == 0)
    return numbers;
  Hdf5Handle dataset = this->OpenPath(path, title);
  this->CheckFits(dataset, static_cast<double>(count) * sizeof(int64_t), title);
  numbers.resize(count);
  const hsize_t start = 0, size = count;
  const Hdf5Handle space(H5Dget_space(dataset));
  const Hdf5Handle memory(H5Screate_simple(1, &size, nullptr));
  if (H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &size, nullptr) < 0 ||
      H5Dread(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, numbers.data()) < 0)
    this->Fail(title + " cannot be read; " + Hdf5Reason());
  return numbers;
}
