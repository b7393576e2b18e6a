#include "RunFile.h"

#include "tensorview_format.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>
#include <set>
#include <sys/stat.h>
#include <thread>

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

/// Which of our types it is; false where it is none.
bool FindType(hid_t type, tv_type &found)
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

bool IsUtf8(const std::string &text)
{
  for (size_t k = 0; k < text.size();) {
    const unsigned char lead = text[k];
    const size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead > 0xf4 || more > 3 || k + more >= text.size() || (lead < 0x20) || lead == 0x7f)
      return false;
    for (size_t m = 1; m <= more; ++m)
      if ((text[k + m] & 0xc0) != 0x80)
        return false;
    k += more + 1;
  }
  return true;
}

bool IsName(const std::string &text)
{
  return !text.empty() && text.size() <= TV_NAME_LENGTH && IsUtf8(text);
}

double Product(const std::vector<hsize_t> &sizes, size_t from = 0)
{
  double product = 1; // a double: nothing overflows, and exactness is not needed for a bound
  for (size_t k = from; k < sizes.size(); ++k)
    product *= static_cast<double>(sizes[k]);
  return product;
}

} // namespace

void RunFile::Fail(const std::string &what) const
{
  throw RunFileFailure(this->FileName + ": " + what);
}

bool RunFile::Guard(const std::function<void()> &work)
{
  const Hdf5Silence silence;
  this->Sentence.clear();
  try {
    work();
    return true;
  } catch (const RunFileFailure &failure) {
    this->Sentence = failure.what();
  } catch (const std::bad_alloc &) {
    this->Sentence = this->FileName + ": there is not enough memory to read it";
  }
  return false;
}

std::string RunFile::Stamp(const std::string &path)
{
  static std::atomic<unsigned> unique{0};
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return "";
  std::string stamp = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
                      std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) +
                      "." + std::to_string(info.st_mtim.tv_nsec);
  // The clock of a file system ticks in milliseconds: a second change may bear the same time.
  const double age = std::difftime(std::time(nullptr), info.st_mtim.tv_sec);
  if (age >= 0 && age < 2)
    stamp += "?" + std::to_string(++unique);
  return stamp;
}

uint64_t RunFile::Size(const std::string &path)
{
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

/// Opens the file, and only that: as its writer left it, or beside its writer.
void RunFile::OpenFile()
{
  this->Close();
  struct stat info;
  if (stat(this->FileName.c_str(), &info) != 0)
    this->Fail(std::string("it cannot be opened: ") + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    this->Fail("it is not a file");
  this->FileSize = static_cast<uint64_t>(info.st_size);
  const std::string identity = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
  if (this->FileIdentity.empty())
    this->FileIdentity = identity;
  else if (this->FileIdentity != identity)
    this->Fail("it was replaced by another file since it was opened; reload it");

  // The superblock says whether its writer has closed it: a plain open would refuse.
  unsigned char head[36] = {};
  std::ifstream stream(this->FileName, std::ios::binary);
  if (!stream)
    this->Fail(std::string("it cannot be opened: ") + std::strerror(errno));
  stream.read(reinterpret_cast<char *>(head), sizeof head);
  if (std::memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0)
    this->Fail(info.st_size == 0 ? "it is empty, not an HDF5 file" : "it is not an HDF5 file");
  const unsigned version = head[8];
  this->Live = version >= 3 && (head[11] & 0x05) != 0;
  if (version >= 2 && !this->Live) {
    uint64_t end = 0;
    for (int k = 0; k < 8; ++k)
      end |= static_cast<uint64_t>(head[28 + k]) << (8 * k);
    if (head[9] == 8 && end > this->FileSize)
      this->Fail("it is cut off: it should have " + std::to_string(end) + " bytes and has " +
                 std::to_string(this->FileSize));
  }

  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  // HDF5 reads metadata with a wrong checksum again and again, and waits twice as long each time:
  // milliseconds are right for a writer at work, its 100 attempts would never end after its death.
  H5Pset_metadata_read_attempts(access, 22);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(access, false, true); // never in the way of a trainer that opens it
#endif
  this->File = Hdf5Handle(H5Fopen(this->FileName.c_str(),
    this->Live ? H5F_ACC_RDONLY | H5F_ACC_SWMR_READ : H5F_ACC_RDONLY, access));
  if (!this->File)
    this->Fail("it is an HDF5 file that cannot be opened; " + Hdf5Reason());
}

void RunFile::Close()
{
  this->File.Reset();
}

bool RunFile::Recognise(const std::string &path)
{
  RunFile file;
  file.FileName = path;
  return file.Guard([&file] {
    file.OpenFile();
    if (file.ReadString(file.File, "format", "the file") != TV_FORMAT_NAME)
      file.Fail("not ours");
  });
}

bool RunFile::Open(const std::string &path)
{
  this->FileName = path;
  this->FileIdentity.clear();
  this->TensorList.clear();
  this->StateList.clear();
  this->ScalarStream = Stream();
  this->ScalarNameList.clear();
  const bool good = this->Guard([this] {
    // A writer that is only just creating the file has not declared everything yet.
    for (int attempt = 0;; ++attempt)
      try {
        this->OpenFile();
        this->List();
        return;
      } catch (const RunFileFailure &) {
        if (!this->Live || attempt == 3)
          throw;
        this->TensorList.clear();
        this->StateList.clear();
        std::this_thread::sleep_for(std::chrono::milliseconds(10 << attempt));
      }
  });
  if (!good) {
    this->Close();
    this->TensorList.clear();
    this->StateList.clear();
    this->ScalarStream = Stream();
    this->ScalarNameList.clear();
  }
  return good;
}

bool RunFile::Reopen()
{
  return this->Guard([this] { this->OpenFile(); });
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
  const double chunk = Product(Hdf5Chunk(dataset)) * static_cast<double>(H5Tget_size(type));
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

/// A stream's datasets and their sizes; nothing of it is read yet.
void RunFile::ListStream(Stream &stream, bool numbers)
{
  const std::string of = " of " + stream.Title;
  const Hdf5Handle group = this->OpenPath(stream.Path, stream.Title);
  if (H5Iget_type(group) != H5I_GROUP)
    this->Fail(stream.Title + " is not a group");
  const bool samples = H5Lexists(group, "samples", H5P_DEFAULT) > 0;
  const Hdf5Handle values = this->OpenChild(group, "values", stream.Title, H5P_DEFAULT);
  this->CheckDataset(values, "values" + of, numbers);
  std::vector<hsize_t> shape = Hdf5Extent(values);
  if (shape.size() < 1 || shape.size() > 1 + TV_RANK)
    this->Fail("values" + of + " has the wrong number of axes");
  stream.Extents = {shape[0]};
  for (const char *name : {"steps", "samples"}) {
    if (name[1] == 'a' && !samples)
      continue;
    const Hdf5Handle list = this->OpenChild(group, name, stream.Title, H5P_DEFAULT);
    this->CheckDataset(list, name + of, false);
    const std::vector<hsize_t> extent = Hdf5Extent(list);
    if (extent.size() != 1)
      this->Fail(name + of + " has the wrong number of axes");
    stream.Extents.push_back(extent[0]);
  }
  stream.Shape.assign(shape.begin() + 1, shape.end());
}

/// Steps and samples of the complete records.
void RunFile::ReadSteps(Stream &stream)
{
  const std::string of = " of " + stream.Title;
  stream.Steps = this->ReadIntegers(stream.Path + "/steps", stream.Complete, "steps" + of);
  if (stream.Extents.size() > 2)
    stream.Samples = this->ReadIntegers(stream.Path + "/samples", stream.Complete, "samples" + of);
  for (size_t k = 0; k < stream.Steps.size(); ++k)
    if (stream.Steps[k] < 0 || (k > 0 && stream.Steps[k] <= stream.Steps[k - 1]))
      this->Fail("steps" + of + " are not increasing: record " + std::to_string(k) + " is step " +
                 std::to_string(stream.Steps[k]) +
                 (k > 0 ? " after step " + std::to_string(stream.Steps[k - 1]) : ""));
}

/// How many records of each stream are whole.
void RunFile::ReadComplete(std::vector<Stream *> streams)
{
  const auto as_it_stands = [this](Stream &stream) {
    for (size_t k = 1; k < stream.Extents.size(); ++k)
      if (stream.Extents[k] != stream.Extents[0])
        this->Fail((k == 1 ? "steps of " : "samples of ") + stream.Title + " has " +
                   std::to_string(stream.Extents[k]) + " entries, but there are " +
                   std::to_string(stream.Extents[0]) + " records");
    stream.Complete = static_cast<size_t>(stream.Extents[0]);
  };
  if (H5Lexists(this->File, "complete", H5P_DEFAULT) <= 0) {
    for (Stream *stream : streams)
      as_it_stands(*stream);
    return;
  }

  Hdf5Handle dataset = this->OpenPath("/complete", "");
  this->CheckDataset(dataset, "\"complete\"", false);
  const std::vector<std::string> paths =
    this->ReadStrings(dataset, "streams", 1 << 16, "\"complete\"");
  const std::vector<hsize_t> extent = Hdf5Extent(dataset);
  if (extent.size() != 2 || extent[1] != 1 + paths.size())
    this->Fail("\"complete\" does not have one column for each stream");

  std::vector<Stream *> columns(paths.size(), nullptr);
  for (size_t k = 0; k < paths.size(); ++k)
    for (Stream *stream : streams)
      if (stream->Path == paths[k] || stream->Path == "/" + paths[k])
        columns[k] = stream;
  for (Stream *stream : streams)
    if (std::find(columns.begin(), columns.end(), stream) == columns.end())
      as_it_stands(*stream); // added by somebody later

  const hsize_t width = extent[1];
  const hsize_t piece = 64;
  for (hsize_t end = extent[0]; end > 0;) { // from the end: the last row nearly always fits
    const hsize_t begin = end > piece ? end - piece : 0;
    const hsize_t start[2] = {begin, 0}, count[2] = {end - begin, width};
    this->CheckFits(dataset, static_cast<double>(count[0] * width) * 8, "\"complete\"");
    std::vector<int64_t> rows(static_cast<size_t>(count[0] * width));
    const Hdf5Handle space(H5Dget_space(dataset));
    const Hdf5Handle memory(H5Screate_simple(2, count, nullptr));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
        H5Dread(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, rows.data()) < 0)
      this->Fail("\"complete\" cannot be read; " + Hdf5Reason());
    for (hsize_t row = end - begin; row-- > 0;) {
      const int64_t *counts = rows.data() + row * width + 1;
      bool fits = true;
      for (size_t k = 0; k < columns.size(); ++k)
        fits = fits && counts[k] >= 0 &&
               (!columns[k] ||
                 static_cast<hsize_t>(counts[k]) <=
                   *std::min_element(columns[k]->Extents.begin(), columns[k]->Extents.end()));
      if (fits) {
        for (size_t k = 0; k < columns.size(); ++k)
          if (columns[k])
            columns[k]->Complete = static_cast<size_t>(counts[k]);
        return;
      }
    }
    end = begin;
  }
}

void RunFile::ListLayer(const std::string &layer)
{
  const std::string path = "/layers/" + layer;
  const Hdf5Handle group = this->OpenPath(path, "the layer " + layer);
  if (H5Iget_type(group) != H5I_GROUP)
    this->Fail("the layer " + layer + " is not a group");
  std::vector<std::string> kinds = Hdf5Children(group);
  static const char *const known[] = {"weights", "bias", "activations", "gradients"};
  std::stable_sort(
    kinds.begin(), kinds.end(), [](const std::string &left, const std::string &right) {
      const auto rank = [](const std::string &kind) {
        return std::find(std::begin(known), std::end(known), kind) - std::begin(known);
      };
      return rank(left) < rank(right);
    });
  for (const std::string &kind : kinds) {
    if (!IsName(kind))
      this->Fail("the layer " + layer + " has a tensor whose name is not 1 to 63 bytes of UTF-8");
    if (kind == "filters") {
      FilterStates states;
      states.Layer = layer;
      states.Path = path + "/" + kind;
      states.Title = layer + "/" + kind;
      this->ListStream(states, false);
      if (states.Shape.size() != 1 || states.Shape[0] < 1 || states.Shape[0] > INT_MAX)
        this->Fail("values of " + states.Title + " has the wrong number of axes");
      this->StateList.push_back(std::move(states));
      continue;
    }
    Tensor tensor;
    tensor.Layer = layer;
    tensor.Kind = kind;
    tensor.Path = path + "/" + kind;
    tensor.Title = layer + "/" + kind;
    this->ListStream(tensor, true);
    {
      const Hdf5Handle opened = this->OpenPath(tensor.Path, tensor.Title);
      tensor.Axes = this->ReadString(opened, "axes", tensor.Title);
      const Hdf5Handle values = this->OpenChild(opened, "values", tensor.Title, H5P_DEFAULT);
      const Hdf5Handle type(H5Dget_type(values));
      FindType(type, tensor.Type);
    }
    if (tensor.Shape.size() != tensor.Axes.size())
      this->Fail("values of " + tensor.Title + " has " + std::to_string(tensor.Shape.size()) +
                 " axes beside time, and its axes \"" + tensor.Axes + "\" name " +
                 std::to_string(tensor.Axes.size()));
    const std::vector<size_t> shape(tensor.Shape.begin(), tensor.Shape.end());
    if (tv_layout_axes(&tensor.Layout, tensor.Axes.c_str(), shape.data()) != 0)
      this->Fail(tensor.Title + ": " + tv_last_error());
    if (tensor.Layout.windows > INT_MAX - 1 || tensor.Layout.rows > INT_MAX - 1 ||
        tensor.Layout.columns > INT_MAX - 1)
      this->Fail(tensor.Title + ": its sizes are too large to be shown");
    this->TensorList.push_back(std::move(tensor));
  }
}

void RunFile::ListScalars()
{
  Stream &stream = this->ScalarStream;
  if (H5Lexists(this->File, "scalars", H5P_DEFAULT) <= 0)
    return;
  stream.Path = "/scalars";
  stream.Title = "scalars";
  this->ListStream(stream, true);
  const Hdf5Handle group = this->OpenPath(stream.Path, stream.Title);
  this->ScalarNameList = this->ReadStrings(group, "names", 1 << 16, "scalars");
  if (stream.Shape.size() != 1 || stream.Shape[0] != this->ScalarNameList.size())
    this->Fail("values of scalars does not have one column for each of its names");
  for (const std::string &name : this->ScalarNameList)
    if (!IsName(name))
      this->Fail("scalars has a name that is not 1 to 63 bytes of UTF-8");
  if (std::set<std::string>(this->ScalarNameList.begin(), this->ScalarNameList.end()).size() !=
      this->ScalarNameList.size())
    this->Fail("scalars has a name twice");
}

/// Everything but the values: a file that passes can be asked for any of its records.
void RunFile::List()
{
  if (H5Aexists(this->File, "format") <= 0 ||
      this->ReadString(this->File, "format", "the file") != TV_FORMAT_NAME)
    this->Fail("it is an HDF5 file, but not a TensorView run: it has no attribute \"format\" that "
               "says \"TensorView\"");
  int version = 0;
  {
    const Hdf5Handle attribute(
      H5Aexists(this->File, "version") > 0 ? H5Aopen(this->File, "version", H5P_DEFAULT) : -1);
    const Hdf5Handle type(attribute ? H5Aget_type(attribute) : -1);
    const Hdf5Handle space(attribute ? H5Aget_space(attribute) : -1);
    if (!attribute || H5Tget_class(type) != H5T_INTEGER ||
        H5Sget_simple_extent_npoints(space) != 1 ||
        H5Aread(attribute, H5T_NATIVE_INT, &version) < 0)
      this->Fail("its attribute \"version\" is missing or is no number");
  }
  if (version != TV_FORMAT_VERSION)
    this->Fail("it has version " + std::to_string(version) +
               " of the format, and this TensorView reads version " +
               std::to_string(TV_FORMAT_VERSION) +
               (version > TV_FORMAT_VERSION ? "; update it" : ""));

  std::vector<std::pair<int, std::string>> layers;
  if (H5Lexists(this->File, "layers", H5P_DEFAULT) > 0) {
    const Hdf5Handle group = this->OpenPath("/layers", "");
    if (H5Iget_type(group) != H5I_GROUP)
      this->Fail("\"layers\" is not a group");
    for (const std::string &name : Hdf5Children(group)) {
      if (!IsName(name))
        this->Fail("a layer has a name that is not 1 to 63 bytes of UTF-8");
      const Hdf5Handle layer = this->OpenChild(group, name, "layers", H5P_DEFAULT);
      int index = INT_MAX; // a file from elsewhere may have none: after the others, by name
      const Hdf5Handle attribute(
        H5Aexists(layer, "index") > 0 ? H5Aopen(layer, "index", H5P_DEFAULT) : -1);
      const Hdf5Handle type(attribute ? H5Aget_type(attribute) : -1);
      const Hdf5Handle space(attribute ? H5Aget_space(attribute) : -1);
      if (attribute &&
          (H5Tget_class(type) != H5T_INTEGER || H5Sget_simple_extent_npoints(space) != 1 ||
            H5Aread(attribute, H5T_NATIVE_INT, &index) < 0))
        this->Fail("the attribute \"index\" of the layer " + name + " is no number");
      layers.emplace_back(index, name);
    }
  }
  std::sort(layers.begin(), layers.end());
  for (const auto &layer : layers)
    this->ListLayer(layer.second);
  this->ListScalars();

  std::vector<Stream *> streams;
  for (Tensor &tensor : this->TensorList)
    streams.push_back(&tensor);
  for (FilterStates &states : this->StateList)
    streams.push_back(&states);
  if (!this->ScalarStream.Path.empty())
    streams.push_back(&this->ScalarStream);
  this->ReadComplete(streams);
  for (Stream *stream : streams) {
    this->ReadSteps(*stream);
    if (stream->Complete > 0) {
      const Hdf5Handle values = this->OpenPath(stream->Path + "/values", stream->Title);
      const Hdf5Handle type(H5Dget_type(values));
      this->CheckFits(values,
        static_cast<double>(stream->Complete) * Product(stream->Shape) *
          static_cast<double>(H5Tget_size(type)),
        "values of " + stream->Title);
    }
  }
}
