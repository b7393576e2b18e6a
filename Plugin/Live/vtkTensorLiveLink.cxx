// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorLiveLink.h"

#include "LiveWatch.h"

#include "vtkClientSocket.h"
#include "vtkCommand.h"
#include "vtkExtractsDeliveryHelper.h"
#include "vtkMultiProcessController.h"
#include "vtkObjectFactory.h"
#include "vtkPVVersion.h"
#include "vtkSMProxyManager.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSocket.h"
#include "vtkSocketCommunicator.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <thread>

vtkStandardNewMacro(vtkTensorLiveLink);
vtkTensorLiveLink::vtkTensorLiveLink() = default;
vtkTensorLiveLink::~vtkTensorLiveLink() = default;

namespace {
/// Whether something on this machine listens at a TCP port. Looked up, not tried: a connection that
/// is none would disturb a ParaView that waits for one.
bool Listens(int port)
{
  for (const char *table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      char address[64];
      unsigned int there = 0, state = 0;
      if (std::sscanf(line.c_str(), " %*d: %63[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", address, &there,
            &state) == 3 &&
          state == 0x0A && static_cast<int>(there) == port)
        return true;
    }
  }
  return false;
}
} // namespace

void vtkTensorLiveLink::SetAddress(const std::string &url)
{
  const auto colon = url.rfind(':');
  const std::string host = url.substr(0, colon);
  const int port = colon == std::string::npos ? 0 : std::atoi(url.c_str() + colon + 1);
  this->SetHostname(host.empty() ? "localhost" : host.c_str());
  this->SetInsituPort(port > 0 && port < 65536 ? port : 22222);
}

std::string vtkTensorLiveLink::GetAddress() const
{
  return std::string(this->Hostname) + ":" + std::to_string(this->InsituPort);
}

/// A failed attempt takes a tenth of a second, and there is one step after the other: attempts are
/// made where somebody is there to answer, and not too often.
bool vtkTensorLiveLink::Connect()
{
  if (this->GetConnected())
    return true;
  const std::string host = this->Hostname;
  const bool here = host == "localhost" || host.compare(0, 4, "127.") == 0;
  const auto now = std::chrono::steady_clock::now();
  if (now < this->NextAttempt)
    return false;
  this->NextAttempt = now + std::chrono::milliseconds(here ? 100 : 1000);
  if (here && !Listens(this->InsituPort)) {
    this->Refusals = 0;
    return false;
  }
  // A ParaView that finds a connection in the first tenth of a second after it began to listen
  // takes it before a pvpython script can ask to be told, which then waits for ever.
  if (here && this->Refusals == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
  if (this->Initialize(vtkSMProxyManager::GetProxyManager()->GetActiveSessionProxyManager())) {
    this->Known = true;
    std::fprintf(stderr, "tensorview-live: a viewer at %s\n", this->GetAddress().c_str());
    this->Proc0NodesController->GetCommunicator()->AddObserver(
      vtkCommand::WrongTagEvent, this, &vtkTensorLiveLink::OnWrongTag);
    return true;
  }
  if (here && ++this->Refusals == 3) // one that starts or ends may refuse once
    this->TellRefusal();
  this->Refused = this->Refused || here;
  this->NextAttempt = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return false;
}

void vtkTensorLiveLink::TellRefusal()
{
  this->Told = true;
  std::fprintf(stderr,
    "tensorview-live: what listens at %s is no ParaView %s that waits for Catalyst\n",
    this->GetAddress().c_str(), PARAVIEW_VERSION);
}

void vtkTensorLiveLink::Conclude()
{
  if (this->Refused && !this->Known && !this->Told)
    this->TellRefusal();
}

/// A viewer that changes something while it is being asked sends a message that nobody expects at
/// that moment. ParaView's own link takes that for a broken connection; it is kept for Listen().
bool vtkTensorLiveLink::OnWrongTag(vtkObject *caller, unsigned long, void *)
{
  auto *communicator = vtkSocketCommunicator::SafeDownCast(caller);
  if (communicator)
    communicator->BufferCurrentMessage();
  return communicator != nullptr;
}

bool vtkTensorLiveLink::Ask(int step, double time)
{
  const LiveWatch::Activity activity("the viewer at " + this->GetAddress() + " is being asked");
  if (!this->Connect())
    return false;
  this->InsituUpdate(time, step);
  if (!this->GetConnected())
    std::fprintf(stderr, "tensorview-live: the viewer at %s is gone\n", this->GetAddress().c_str());
  return this->GetConnected();
}

bool vtkTensorLiveLink::Exchange(int step, double time)
{
  if (!this->Ask(step, time))
    return false;
  const LiveWatch::Activity activity("a step is being sent to the viewer at " + this->GetAddress());
  this->InsituPostProcess(time, step);
  if (!this->GetConnected())
    std::fprintf(stderr, "tensorview-live: the viewer at %s is gone\n", this->GetAddress().c_str());
  return this->GetConnected();
}

int vtkTensorLiveLink::Listen(double seconds)
{
  if (!this->GetConnected() || !this->Proc0NodesController)
    return -1;
  auto *communicator =
    vtkSocketCommunicator::SafeDownCast(this->Proc0NodesController->GetCommunicator());
  if (!communicator || !communicator->GetSocket())
    return -1;
  if (!communicator->HasBufferredMessages()) {
    pollfd one = {communicator->GetSocket()->GetSocketDescriptor(), POLLIN, 0};
    const int ready = poll(&one, 1, static_cast<int>(seconds * 1000));
    if (ready <= 0)
      return 0;
  }
  if (this->WaitForLiveChange() == 0)
    return 1;
  std::fprintf(stderr, "tensorview-live: the viewer at %s is gone\n", this->GetAddress().c_str());
  return -1;
}
