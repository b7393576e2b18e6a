// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTrainerRequest.h"

#include "vtkMultiProcessController.h"
#include "vtkObjectFactory.h"

#include "status.h"
#include "tensorview/request.h"

#include <algorithm>
#include <cstring>

vtkStandardNewMacro(vtkTrainerRequest);

vtkTrainerRequest::vtkTrainerRequest() = default;

vtkTrainerRequest::~vtkTrainerRequest()
{
  tv_asking_end(this->Asking);
}

void vtkTrainerRequest::PrintSelf(ostream &os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Channel: " << this->Channel << "\n"
     << indent << "Layer: " << this->Layer << "\n"
     << indent << "Merges: " << this->Merges.size() << "\n"
     << indent << "State: " << this->State << "\n"
     << indent << "Answer: " << this->Answer << "\n";
}

void vtkTrainerRequest::AddMerge(int filter, int into)
{
  this->Merges.emplace_back(filter, into);
}

void vtkTrainerRequest::RemoveAllMerges()
{
  this->Merges.clear();
}

void vtkTrainerRequest::Fail()
{
  this->State = FAILED;
  this->Answer = tv_last_error();
}

void vtkTrainerRequest::Withdraw()
{
  tv_asking_end(this->Asking);
  this->Asking = nullptr;
  if (this->State == WAITING)
    this->State = NOT_ASKED;
}

void vtkTrainerRequest::Ask()
{
  vtkMultiProcessController *controller = vtkMultiProcessController::GetGlobalController();
  this->Withdraw();
  this->Answer.clear();
  if (controller && controller->GetLocalProcessId() != 0)
    return;
  tv_request request{};
  request.kind = TV_REQUEST_MERGE;
  request.count = static_cast<uint32_t>(this->Merges.size());
  for (size_t i = 0; i < std::min<size_t>(this->Merges.size(), TV_MOST_MERGED); ++i) {
    request.filter[i] = this->Merges[i].first;
    request.into[i] = this->Merges[i].second;
  }
  if (this->Layer.size() >= sizeof request.layer)
    tv_fail(TV_ERROR_ARGUMENT, "the layer's name is longer than any");
  std::memcpy(
    request.layer, this->Layer.c_str(), std::min(this->Layer.size(), sizeof request.layer - 1));
  if (this->Layer.size() >= sizeof request.layer ||
      tv_ask(&this->Asking, this->Channel.c_str(), &request) < 0) {
    this->Fail();
    return;
  }
  this->State = WAITING;
}

int vtkTrainerRequest::GetState()
{
  if (this->State != WAITING)
    return this->State;
  char text[TV_SENTENCE] = "";
  const int status = tv_asking_answer(this->Asking, 0.0, text, sizeof text);
  if (status == TV_ERROR_TIMEOUT) {
    this->Answer = tv_last_error();
    return this->State;
  }
  if (status < 0)
    this->Fail();
  else {
    this->State = status ? ACCEPTED : REFUSED;
    this->Answer = text;
  }
  this->Withdraw();
  return this->State;
}

const char *vtkTrainerRequest::GetAnswer()
{
  this->GetState();
  return this->Answer.c_str();
}
