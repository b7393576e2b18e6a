// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorCollection.h"

#include "vtkTensorDemand.h"

#include "vtkCellData.h"
#include "vtkDataAssembly.h"
#include "vtkDataAssemblyVisitor.h"
#include "vtkFieldData.h"
#include "vtkIdTypeArray.h"
#include "vtkImageData.h"
#include "vtkInformation.h"
#include "vtkInformationDoubleKey.h"
#include "vtkInformationIntegerVectorKey.h"
#include "vtkInformationStringVectorKey.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPartitionedDataSet.h"
#include "vtkPartitionedDataSetCollection.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"

#include <cctype>
#include <unordered_map>

vtkStandardNewMacro(vtkTensorCollection);
vtkInformationKeyMacro(vtkTensorCollection, TENSORS, StringVector);
vtkInformationKeyMacro(vtkTensorCollection, SHAPES, IntegerVector);
vtkInformationKeyMacro(vtkTensorCollection, PATHS, StringVector);
vtkInformationKeyMacro(vtkTensorCollection, STEPS_PER_TIME, Double);

namespace {
void AddText(vtkFieldData *fields, const char *name, const std::string &text)
{
  vtkNew<vtkStringArray> array;
  array->SetName(name);
  array->InsertNextValue(text);
  fields->AddArray(array);
}

void AddNumber(vtkFieldData *fields, const char *name, vtkIdType number)
{
  vtkNew<vtkIdTypeArray> array;
  array->SetName(name);
  array->InsertNextValue(number);
  fields->AddArray(array);
}

std::string GetText(vtkFieldData *fields, const char *name)
{
  auto *array = vtkStringArray::SafeDownCast(fields->GetAbstractArray(name));
  return array && array->GetNumberOfValues() > 0 ? std::string(array->GetValue(0)) : std::string();
}

vtkIdType GetNumber(vtkFieldData *fields, const char *name, vtkIdType otherwise)
{
  // Whatever integer array it is: a file or a network connection may have changed its type.
  vtkDataArray *array = fields->GetArray(name);
  return array && array->GetNumberOfValues() > 0 ? static_cast<vtkIdType>(array->GetTuple1(0))
                                                 : otherwise;
}

/// The leaf of this rank in a partitioned data set, or null where it is not one of ours.
vtkImageData *GetLeaf(vtkPartitionedDataSetCollection *tensors, unsigned int index)
{
  vtkPartitionedDataSet *partitions = tensors->GetPartitionedDataSet(index);
  for (unsigned int i = 0; partitions && i < partitions->GetNumberOfPartitions(); ++i) {
    auto *image = vtkImageData::SafeDownCast(partitions->GetPartition(i));
    if (image && image->GetFieldData()->GetAbstractArray("Kind"))
      return image;
  }
  return nullptr;
}

/// The tensor in a leaf. False where its parts contradict each other.
bool Read(vtkImageData *image, vtkTensorRecord &record)
{
  vtkFieldData *fields = image->GetFieldData();
  record.Layer = GetText(fields, "Layer");
  record.Kind = GetText(fields, "Kind");
  record.Filters = GetNumber(fields, "Filters", 0);
  record.Channels = GetNumber(fields, "Channels", 0);
  record.Step = GetNumber(fields, "Step", -1);
  record.Samples = GetNumber(fields, "Samples", 0);
  record.State = vtkIntArray::SafeDownCast(fields->GetAbstractArray("State"));
  record.Group = vtkIntArray::SafeDownCast(fields->GetAbstractArray("Group"));
  record.Image = image;
  record.Values =
    image->GetCellData()->GetArray(vtkTensorCollection::ArrayName(record.Kind).c_str());
  int extent[6];
  image->GetExtent(extent);
  const vtkIdType columns = extent[1] - extent[0];
  record.FirstRow = extent[2];
  record.RowsHere = extent[3] - extent[2];
  record.FirstWindow = extent[4];
  record.Windows = extent[5] - extent[4];
  record.Rows = GetNumber(fields, "Rows", record.RowsHere);
  record.Columns = GetNumber(fields, "Columns", columns);
  if (record.Filters < 1 || record.Channels < 1)
    return false;
  if (!record.Values) { // nothing recorded yet, or nothing on this rank
    record.FirstWindow = record.Windows = record.FirstRow = record.RowsHere = 0;
    return true;
  }
  const bool cut = record.RowsHere != record.Rows;
  return record.Columns > 0 && record.Columns == columns && record.RowsHere > 0 &&
         record.FirstRow >= 0 && record.FirstRow <= record.Rows - record.RowsHere &&
         record.Windows >= 0 && record.FirstWindow >= 0 &&
         record.Filters <= VTK_ID_MAX / record.Channels &&
         record.FirstWindow + record.Windows <= record.Filters * record.Channels &&
         (!cut || record.Filters * record.Channels == 1) &&
         record.Values->GetNumberOfComponents() == 1 &&
         record.Values->GetNumberOfTuples() == record.Windows * record.RowsHere * record.Columns;
}
} // namespace

std::string vtkTensorCollection::ArrayName(const std::string &kind)
{
  if (kind == "weights")
    return "Weight";
  if (kind == "activations")
    return "Activation";
  if (kind == "gradients")
    return "Gradient";
  std::string name = kind;
  if (!name.empty())
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

/// A tensor's image with everything that is known of it.
vtkSmartPointer<vtkImageData> vtkTensorCollection::MakeLeaf(const vtkTensorRecord &record)
{
  auto image = vtkSmartPointer<vtkImageData>::New();
  const bool empty = !record.Values || record.Windows < 1 || record.RowsHere < 1;
  if (!empty) {
    const int window = static_cast<int>(record.FirstWindow),
              row = static_cast<int>(record.FirstRow);
    image->SetExtent(0, static_cast<int>(record.Columns), row,
      row + static_cast<int>(record.RowsHere), window, window + static_cast<int>(record.Windows));
    record.Values->SetName(vtkTensorCollection::ArrayName(record.Kind).c_str());
    image->GetCellData()->SetScalars(record.Values);
  }
  vtkFieldData *fields = image->GetFieldData();
  AddText(fields, "Layer", record.Layer);
  AddText(fields, "Kind", record.Kind);
  AddNumber(fields, "Filters", record.Filters);
  AddNumber(fields, "Channels", record.Channels);
  AddNumber(fields, "Rows", record.Rows);
  AddNumber(fields, "Columns", record.Columns);
  AddNumber(fields, "Step", record.Step);
  AddNumber(fields, "Samples", record.Samples);
  if (record.State) {
    record.State->SetName("State");
    fields->AddArray(record.State);
  }
  if (record.Group) {
    record.Group->SetName("Group");
    fields->AddArray(record.Group);
  }
  return image;
}

namespace {
/// The nodes of layers in an assembly, found by their names.
class Tree
{
public:
  Tree(vtkDataAssembly *assembly, bool fresh) : Assembly(assembly), Fresh(fresh) {}

  /// The node of a layer, "layer1.0.conv2", made where it is new.
  int Layer(const std::string &name)
  {
    const auto known = this->Nodes.find(name);
    if (known != this->Nodes.end())
      return known->second;
    const auto cut = name.find_last_of("./");
    const std::string label = cut == std::string::npos ? name : name.substr(cut + 1);
    int node =
      cut == std::string::npos ? this->Assembly->GetRootNode() : this->Layer(name.substr(0, cut));
    if (!label.empty())
      node = this->Child(node, label);
    this->Nodes[name] = node;
    return node;
  }

  int Leaf(int parent, const std::string &kind) { return this->Add(parent, kind); }

private:
  /// A part of a name below another one.
  int Child(int parent, const std::string &label)
  {
    if (!this->Fresh)
      for (int node : this->Assembly->GetChildNodes(parent, false))
        if (label == this->Assembly->GetAttributeOrDefault(node, "label", "") &&
            this->Assembly->GetDataSetIndices(node, false).empty())
          return node;
    return this->Add(parent, label);
  }

  int Add(int parent, const std::string &label)
  {
    const int node =
      this->Assembly->AddNode(vtkDataAssembly::MakeValidNodeName(label.c_str()).c_str(), parent);
    this->Assembly->SetAttribute(node, "label", label.c_str());
    return node;
  }

  vtkDataAssembly *Assembly;
  bool Fresh; ///< no node but those made here
  std::unordered_map<std::string, int> Nodes;
};
} // namespace

void vtkTensorCollection::Append(
  vtkPartitionedDataSetCollection *tensors, const vtkTensorRecord &record)
{
  vtkTensorCollection::Append(tensors, std::vector<vtkTensorRecord>{record});
}

void vtkTensorCollection::Append(
  vtkPartitionedDataSetCollection *tensors, const std::vector<vtkTensorRecord> &records)
{
  if (records.empty())
    return;
  const bool fresh = !tensors->GetDataAssembly();
  if (fresh) {
    vtkNew<vtkDataAssembly> network;
    network->Initialize();
    network->SetRootNodeName("Network");
    tensors->SetDataAssembly(network);
  }
  vtkDataAssembly *assembly = tensors->GetDataAssembly();
  Tree tree(assembly, fresh);
  unsigned int index = tensors->GetNumberOfPartitionedDataSets();
  tensors->SetNumberOfPartitionedDataSets(index + static_cast<unsigned int>(records.size()));
  for (const vtkTensorRecord &record : records) {
    const int leaf = tree.Leaf(tree.Layer(record.Layer), record.Kind);
    vtkNew<vtkPartitionedDataSet> partitions;
    partitions->SetNumberOfPartitions(1);
    partitions->SetPartition(0, MakeLeaf(record));
    tensors->SetPartitionedDataSet(index, partitions);
    tensors->GetMetaData(index)->Set(vtkCompositeDataSet::NAME(), record.Name().c_str());
    assembly->AddDataSetIndex(leaf, index++);
  }
}

std::vector<std::string> vtkTensorCollection::Names(vtkDataObject *data)
{
  if (vtkTensorDemand *demand = vtkTensorDemand::Get(data))
    return demand->Names();
  std::vector<std::string> names;
  auto *tensors = vtkPartitionedDataSetCollection::SafeDownCast(data);
  for (unsigned int i = 0; tensors && i < tensors->GetNumberOfPartitionedDataSets(); ++i)
    if (vtkImageData *image = GetLeaf(tensors, i))
      names.push_back(
        GetText(image->GetFieldData(), "Layer") + "/" + GetText(image->GetFieldData(), "Kind"));
  return names;
}

namespace {
/// The leaf of a tensor; null, with a sentence, where it is not there.
vtkSmartPointer<vtkImageData> FindLeaf(
  vtkDataObject *data, const std::string &name, const char *preferred, std::string &error)
{
  if (vtkTensorDemand *demand = vtkTensorDemand::Get(data))
    return demand->Find(name, preferred, error);
  auto *tensors = vtkPartitionedDataSetCollection::SafeDownCast(data);
  const std::vector<std::string> names = vtkTensorCollection::Names(data);
  const ptrdiff_t chosen = vtkTensorCollection::Choose(names, name, preferred, error);
  if (names.empty() && data && !tensors)
    error = std::string("the input is a ") + data->GetClassName() +
            ", and not the tensors of a network, the first output of TensorSnapshotReader";
  ptrdiff_t count = 0;
  for (unsigned int i = 0; chosen >= 0; ++i)
    if (vtkImageData *image = GetLeaf(tensors, i))
      if (count++ == chosen)
        return image;
  return nullptr;
}
} // namespace

ptrdiff_t vtkTensorCollection::Choose(const std::vector<std::string> &names,
  const std::string &name, const char *preferred, std::string &error)
{
  const std::string ending = std::string("/") + preferred;
  for (size_t k = 0; k < names.size(); ++k) {
    const std::string &here = names[k];
    const bool kind = here.size() > ending.size() &&
                      here.compare(here.size() - ending.size(), ending.size(), ending) == 0;
    if (name.empty() ? kind : here == name)
      return static_cast<ptrdiff_t>(k);
  }
  if (name.empty() && !names.empty())
    return 0;
  std::string known;
  for (const std::string &here : names)
    known += (known.empty() ? "" : ", ") + here;
  error = names.empty() ? "the input holds no tensors"
                        : "there is no tensor \"" + name + "\" in the input; it has " + known;
  return -1;
}

bool vtkTensorCollection::Find(vtkDataObject *data, const std::string &name, const char *preferred,
  vtkTensorRecord &record, std::string &error)
{
  const vtkSmartPointer<vtkImageData> found = FindLeaf(data, name, preferred, error);
  if (!found)
    return false;
  if (!Read(found, record)) {
    error = "the tensor \"" + record.Name() + "\" of the input is damaged: its sizes do not match";
    return false;
  }
  return true;
}
