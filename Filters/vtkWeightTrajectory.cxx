// SPDX-License-Identifier: BSD-3-Clause
#include "vtkWeightTrajectory.h"

#include "Units/RunNames.h"
#include "Units/RunSource.h"
#include "Units/TrajectoryComponents.h"
#include "Units/TrajectoryPaths.h"

#include "vtkCellArray.h"
#include "vtkDataArray.h"
#include "vtkDataSetAttributes.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkIdList.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkTable.h"
#include "vtkTensorDemandPipeline.h"

#include "Ranks/Ranks.h"
#include "Views/PathEnds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

vtkStandardNewMacro(vtkWeightTrajectory);

namespace {
/// Columns of numbers, one each, those of elements ("conv1/weights[0]") first; Step left out.
std::vector<vtkDataArray *> Candidates(vtkTable *table)
{
  std::vector<vtkDataArray *> columns;
  for (vtkIdType i = 0; i < table->GetNumberOfColumns(); ++i) {
    auto *column = vtkDataArray::SafeDownCast(table->GetColumn(i));
    if (column && column->GetName() && column->GetNumberOfComponents() == 1 &&
        std::string(column->GetName()) != "Step")
      columns.push_back(column);
  }
  std::stable_partition(columns.begin(), columns.end(), [](vtkDataArray *column) {
    const std::string name = column->GetName();
    return name.back() == ']' && name.find('[') != std::string::npos;
  });
  return columns;
}

/// A column as double, without a copy where it is one already.
vtkSmartPointer<vtkDoubleArray> AsDouble(vtkDataArray *column)
{
  auto numbers = vtkSmartPointer<vtkDoubleArray>(vtkDoubleArray::SafeDownCast(column));
  if (!numbers) {
    numbers = vtkSmartPointer<vtkDoubleArray>::New();
    numbers->DeepCopy(column);
  }
  return numbers;
}

using Axes = std::array<vtkSmartPointer<vtkDoubleArray>, 3>; ///< null: 0 everywhere

/// The rows in which all three are numbers.
vtkSmartPointer<vtkIdList> RowsWithAPoint(const Axes &axes, vtkIdType rows)
{
  auto kept = vtkSmartPointer<vtkIdList>::New();
  for (vtkIdType row = 0; row < rows; ++row)
    if (std::all_of(axes.begin(), axes.end(),
          [row](const auto &axis) { return !axis || std::isfinite(axis->GetValue(row)); }))
      kept->InsertNextId(row);
  return kept;
}

void DrawPath(vtkPolyData *output, const Axes &axes, vtkIdList *rows)
{
  const vtkIdType count = rows->GetNumberOfIds();
  vtkNew<vtkDoubleArray> coordinates; // a step of a late stage can be 1e-9 of the weight
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(count);
  double *point = coordinates->GetPointer(0);
  for (vtkIdType i = 0; i < count; ++i)
    for (const auto &axis : axes)
      *point++ = axis ? axis->GetValue(rows->GetId(i)) : 0.0;
  vtkNew<vtkPoints> points;
  points->SetData(coordinates);
  output->SetPoints(points);

  vtkNew<vtkIdTypeArray> offsets, connectivity;
  connectivity->SetNumberOfValues(count);
  std::iota(connectivity->GetPointer(0), connectivity->GetPointer(0) + count, 0);
  offsets->InsertNextValue(0);
  offsets->InsertNextValue(count);
  vtkNew<vtkCellArray> path;
  path->SetData(offsets.Get(), connectivity.Get());
  if (count == 1)
    output->SetVerts(path); // a line needs two
  else
    output->SetLines(path);
}

/// All columns of the table, and Step, active, where it has none.
void AddColumns(vtkPointData *data, vtkTable *table, vtkIdList *rows)
{
  const vtkIdType count = rows->GetNumberOfIds();
  data->CopyAllOn();
  data->CopyAllocate(table->GetRowData(), count);
  data->CopyData(table->GetRowData(), rows);
  if (!data->GetArray("Step")) {
    vtkNew<vtkIdTypeArray> steps;
    steps->SetName("Step");
    steps->SetNumberOfValues(count);
    std::copy(rows->GetPointer(0), rows->GetPointer(0) + count, steps->GetPointer(0));
    data->AddArray(steps);
  }
  data->SetActiveScalars("Step");
}
} // namespace

/// The runs, and their paths until they or a property change.
class vtkWeightTrajectory::Internals
{
public:
  std::vector<std::unique_ptr<RunSource>> Runs;
  TrajectoryComponents Components;
  std::string ComponentsOf;
};

vtkWeightTrajectory::vtkWeightTrajectory() : State(new Internals)
{
  this->SetNumberOfOutputPorts(3);
}

vtkWeightTrajectory::~vtkWeightTrajectory() = default;

void vtkWeightTrajectory::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "XElement: " << this->XElement << "\n";
  os << indent << "YElement: " << this->YElement << "\n";
  os << indent << "ZElement: " << this->ZElement << "\n";
  os << indent
     << "Projection: " << (this->Projection == ELEMENTS ? "Elements" : "PrincipalComponents")
     << "\n";
  os << indent << "Tensor: " << this->Tensor << "\n";
  os << indent << "MostRecords: " << this->MostRecords << "\n";
}

/// It reads the run by itself: no tensor is read for it.
vtkExecutive *vtkWeightTrajectory::CreateDefaultExecutive()
{
  return vtkTensorDemandPipeline::New();
}

int vtkWeightTrajectory::FillInputPortInformation(int, vtkInformation *info)
{
  // Anything: of the tensors themselves the pipeline would hand over each by itself, and of other
  // data complain at every request. RequestData() says in one sentence what it is.
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject");
  info->Set(vtkAlgorithm::INPUT_IS_REPEATABLE(), 1);
  return 1;
}

int vtkWeightTrajectory::FillOutputPortInformation(int port, vtkInformation *info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == 2 ? "vtkTable" : "vtkPolyData");
  return 1;
}

int vtkWeightTrajectory::GetNumberOfChoices(int axis) const
{
  const int count = static_cast<int>(this->Columns.size());
  return axis < count ? count : count + 1;
}

const char *vtkWeightTrajectory::GetColumn(int axis, int index) const
{
  const int count = static_cast<int>(this->Columns.size());
  if (index < 0 || index >= this->GetNumberOfChoices(axis))
    return nullptr;
  if (axis >= count) { // no column of its own: nothing comes first
    if (index == 0)
      return "";
    --index;
  } else
    index = index == 0 ? axis : index <= axis ? index - 1 : index;
  return this->Columns[static_cast<size_t>(index)].c_str();
}

int vtkWeightTrajectory::RequestInformation(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *)
{
  this->ListColumns(inputVector);
  return 1;
}

/// What can be chosen, as the input is now: it may be of another tensor than when it was asked last.
void vtkWeightTrajectory::ListColumns(vtkInformationVector **inputVector)
{
  this->Columns.clear();
  if (vtkTable *table = vtkTable::GetData(inputVector[0]))
    for (vtkDataArray *column : Candidates(table))
      this->Columns.emplace_back(column->GetName());
}

vtkDataArray *vtkWeightTrajectory::FindColumn(
  vtkTable *table, const std::string &name, size_t axis, bool &found)
{
  found = true;
  const std::vector<vtkDataArray *> columns = Candidates(table);
  if (name.empty())
    return axis < columns.size() ? columns[axis] : nullptr;
  auto *column = vtkDataArray::SafeDownCast(table->GetColumnByName(name.c_str()));
  if (column && column->GetNumberOfComponents() == 1)
    return column;
  found = false;
  std::string known;
  for (vtkDataArray *other : columns)
    known += (known.empty() ? "" : ", ") + std::string(other->GetName());
  this->ReportError("the table has no column of numbers \"" + name + "\"; it has " + known);
  return nullptr;
}

void vtkWeightTrajectory::ReportError(const std::string &sentence)
{
  if (this->Last.IsNew(sentence, this->GetMTime()))
    vtkErrorMacro(<< sentence);
}

void vtkWeightTrajectory::AddEnds(
  vtkPolyData *paths, const std::string &of, vtkInformationVector *outputVector)
{
  TrajectoryPaths::Name(paths, RunNames(this));
  MakePathEnds(paths, vtkPolyData::GetData(outputVector, 1));
  MakePathTitle(paths, of, vtkTable::GetData(outputVector, 2));
}

bool vtkWeightTrajectory::DrawElements(vtkTable *table, vtkPolyData *output)
{
  const std::string *names[3] = {&this->XElement, &this->YElement, &this->ZElement};
  Axes axes;
  const char *shown[3] = {nullptr, nullptr, nullptr};
  for (size_t axis = 0; axis < 3; ++axis) {
    bool found;
    vtkDataArray *column = this->FindColumn(table, *names[axis], axis, found);
    if (!found)
      return false;
    if (column) {
      axes[axis] = AsDouble(column);
      shown[axis] = column->GetName();
    }
  }
  this->Drawn = NameTogether(shown);
  const vtkSmartPointer<vtkIdList> rows = RowsWithAPoint(axes, table->GetNumberOfRows());
  if (rows->GetNumberOfIds() == 0)
    return true;
  DrawPath(output, axes, rows);
  AddColumns(output->GetPointData(), table, rows);
  output->GetFieldData()->PassData(table->GetFieldData());
  return true;
}

void vtkWeightTrajectory::DrawComponents(vtkPolyData *output)
{
  Internals &state = *this->State;
  const int count = this->GetNumberOfInputConnections(0);
  std::vector<RunSource *> runs;
  std::string of = std::to_string(this->GetMTime()), error;
  state.Runs.resize(static_cast<size_t>(count));
  for (int k = 0; k < count; ++k) {
    if (!state.Runs[static_cast<size_t>(k)])
      state.Runs[static_cast<size_t>(k)] = std::make_unique<RunSource>();
    RunSource *run = state.Runs[static_cast<size_t>(k)].get();
    if (!run->Open(RunSource::Paths(this, 0, k), error)) {
      this->ReportError(error);
      return;
    }
    runs.push_back(run);
    of += " " + std::to_string(run->Version());
  }
  const tv_execution execution = {RunSource::Threads(),
    [](void *context, double done) {
      auto *filter = static_cast<vtkWeightTrajectory *>(context);
      filter->UpdateProgress(done);
      return filter->CheckAbort() ? 1 : 0;
    },
    this};
  if (of != state.ComponentsOf && !state.Components.Compute(runs, this->Tensor,
                                    static_cast<size_t>(this->MostRecords), execution, error)) {
    state.ComponentsOf.clear();
    if (!error.empty())
      this->ReportError(error);
    return;
  }
  state.ComponentsOf = of;
  TrajectoryPaths::Draw(output, state.Components);
  this->Drawn = TrajectoryPaths::Describe(state.Components, this->Tensor);
  for (RunSource *run : runs)
    run->Rest();
}

int vtkWeightTrajectory::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  // Every rank may have the table; one draws it.
  const bool here = Ranks::IsFirst();
  vtkPolyData *output = vtkPolyData::GetData(outputVector);
  if (this->Projection == PRINCIPAL_COMPONENTS) {
    if (here)
      this->DrawComponents(output);
    this->AddEnds(output, this->Drawn, outputVector);
    return 1;
  }
  this->ListColumns(inputVector);
  std::vector<vtkSmartPointer<vtkPolyData>> paths;
  for (int k = 0; k < inputVector[0]->GetNumberOfInformationObjects(); ++k) {
    vtkDataObject *input = vtkDataObject::GetData(inputVector[0], k);
    auto *table = vtkTable::SafeDownCast(input);
    if (!table) {
      this->ReportError(std::string("the input is a ") +
                        (input ? input->GetClassName() : "nothing") +
                        ", and not a history table, the second output of TensorSnapshotReader");
      return 1; // said already, and better than the pipeline would
    }
    vtkNew<vtkPolyData> path;
    if (here && table->GetNumberOfRows() > 0 && !this->DrawElements(table, path))
      return 1;
    TrajectoryPaths::Number(path, k);
    if (path->GetNumberOfPoints() > 0)
      paths.emplace_back(path);
  }
  TrajectoryPaths::Join(output, paths);
  this->AddEnds(output, this->Drawn, outputVector);
  return 1;
}
