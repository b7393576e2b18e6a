#include "vtkWeightTrajectory.h"

#include "vtkCellArray.h"
#include "vtkDataArray.h"
#include "vtkDataSetAttributes.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkIdList.h"
#include "vtkIdTypeArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkTable.h"

#include <algorithm>
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
} // namespace

vtkWeightTrajectory::vtkWeightTrajectory() = default;

void vtkWeightTrajectory::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "XElement: " << this->XElement << "\n";
  os << indent << "YElement: " << this->YElement << "\n";
  os << indent << "ZElement: " << this->ZElement << "\n";
}

int vtkWeightTrajectory::FillInputPortInformation(int, vtkInformation *info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkTable");
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
  this->Columns.clear();
  if (vtkTable *table = vtkTable::GetData(inputVector[0]))
    for (vtkDataArray *column : Candidates(table))
      this->Columns.emplace_back(column->GetName());
  return 1;
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
  vtkErrorMacro(<< "the table has no column of numbers \"" << name << "\"; it has " << known);
  return nullptr;
}

int vtkWeightTrajectory::RequestData(
  vtkInformation *, vtkInformationVector **inputVector, vtkInformationVector *outputVector)
{
  vtkTable *table = vtkTable::GetData(inputVector[0]);
  vtkPolyData *output = vtkPolyData::GetData(outputVector);
  // Every rank may have the table; one draws it.
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  const vtkIdType rows = table->GetNumberOfRows();
  if (rows == 0 || (controller && controller->GetLocalProcessId() > 0))
    return 1;

  const std::string *names[3] = {&this->XElement, &this->YElement, &this->ZElement};
  vtkSmartPointer<vtkDoubleArray> axes[3];
  for (size_t axis = 0; axis < 3; ++axis) {
    bool found;
    vtkDataArray *column = this->FindColumn(table, *names[axis], axis, found);
    if (!found)
      return 1; // said already, and better than the pipeline would
    if (column)
      axes[axis] = AsDouble(column);
  }

  // The rows that have a point.
  vtkNew<vtkIdList> kept;
  for (vtkIdType row = 0; row < rows; ++row) {
    bool whole = true;
    for (const auto &axis : axes)
      whole = whole && (!axis || std::isfinite(axis->GetValue(row)));
    if (whole)
      kept->InsertNextId(row);
  }
  const vtkIdType count = kept->GetNumberOfIds();
  if (count == 0)
    return 1;

  vtkNew<vtkDoubleArray> coordinates; // a step of a late stage can be 1e-9 of the weight
  coordinates->SetNumberOfComponents(3);
  coordinates->SetNumberOfTuples(count);
  double *point = coordinates->GetPointer(0);
  for (vtkIdType i = 0; i < count; ++i)
    for (const auto &axis : axes)
      *point++ = axis ? axis->GetValue(kept->GetId(i)) : 0.0;
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

  vtkPointData *data = output->GetPointData();
  data->CopyAllOn();
  data->CopyAllocate(table->GetRowData(), count);
  data->CopyData(table->GetRowData(), kept.Get());
  if (!data->GetArray("Step")) {
    vtkNew<vtkIdTypeArray> steps;
    steps->SetName("Step");
    steps->SetNumberOfValues(count);
    std::copy(kept->GetPointer(0), kept->GetPointer(0) + count, steps->GetPointer(0));
    data->AddArray(steps);
  }
  data->SetActiveScalars("Step");
  output->GetFieldData()->PassData(table->GetFieldData());
  return 1;
}
