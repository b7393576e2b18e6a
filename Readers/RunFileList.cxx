// RunFile: the part that lists what a file holds, without reading values.
#include "RunFile.h"

#include "tensorview/format.h"

#include <algorithm>
#include <climits>
#include <set>

namespace {
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

} // namespace

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
    if (tensor.Layout.leading != 1)
      this->Fail(tensor.Title + ": the axes \"" + tensor.Axes + "\" cannot be shown yet");
    if (tensor.Layout.count > INT_MAX - 1 || tensor.Layout.windows.rows > INT_MAX - 1 ||
        tensor.Layout.windows.columns > INT_MAX - 1)
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
        static_cast<double>(stream->Complete) * Hdf5Product(stream->Shape) *
          static_cast<double>(H5Tget_size(type)),
        "values of " + stream->Title);
    }
  }
}
