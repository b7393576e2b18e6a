// SPDX-License-Identifier: BSD-3-Clause
#include "Ranks.h"

#include "vtkCommunicator.h"
#include "vtkDataArray.h"
#include "vtkMultiProcessController.h"
#include "vtkSmartPointer.h"

#include <algorithm>

namespace Ranks {
vtkMultiProcessController *Controller()
{
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  return controller && controller->GetNumberOfProcesses() > 1 ? controller : nullptr;
}

bool IsFirst()
{
  vtkMultiProcessController *controller = Controller();
  return !controller || controller->GetLocalProcessId() == 0;
}

long long Largest(vtkMultiProcessController *controller, long long number)
{
  long long largest = number;
  if (controller)
    controller->AllReduce(&number, &largest, 1, vtkCommunicator::MAX_OP);
  return largest;
}

void Widen(vtkMultiProcessController *controller, double range[2])
{
  const double mine[2] = {range[0], -range[1]}; // negated, so that one reduction does both
  double all[2] = {mine[0], mine[1]};
  if (controller)
    controller->AllReduce(mine, all, 2, vtkCommunicator::MIN_OP);
  range[0] = all[0];
  range[1] = -all[1];
}

size_t Sum(vtkMultiProcessController *controller, size_t number)
{
  const auto mine = static_cast<vtkIdType>(number);
  vtkIdType all = mine;
  if (controller)
    controller->AllReduce(&mine, &all, 1, vtkCommunicator::SUM_OP);
  return static_cast<size_t>(all);
}

void Sum(vtkMultiProcessController *controller, std::vector<double> &numbers)
{
  if (!controller)
    return;
  std::vector<double> sum(numbers.size());
  controller->AllReduce(
    numbers.data(), sum.data(), static_cast<vtkIdType>(sum.size()), vtkCommunicator::SUM_OP);
  numbers.swap(sum);
}

std::vector<vtkIdType> Collect(
  vtkMultiProcessController *controller, const std::vector<vtkIdType> &mine)
{
  if (!controller)
    return mine;
  std::vector<vtkIdType> all(mine.size() * static_cast<size_t>(controller->GetNumberOfProcesses()));
  controller->AllGather(mine.data(), all.data(), static_cast<vtkIdType>(mine.size()));
  return all;
}

void Join(vtkMultiProcessController *controller, vtkDataArray *array)
{
  const auto all = vtkSmartPointer<vtkDataArray>::Take(array->NewInstance());
  all->SetName(array->GetName());
  all->SetNumberOfComponents(array->GetNumberOfComponents());
  controller->GetCommunicator()->GatherV(array, all, 0);
  array->ShallowCopy(all);
}
} // namespace Ranks
