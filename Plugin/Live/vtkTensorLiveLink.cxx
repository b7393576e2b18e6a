// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTensorLiveLink.h"

#include "LiveSocket.h"
#include "LiveWatch.h"

#include "vtkClientSocket.h"
#include "vtkCommand.h"
#include "vtkExtractsDeliveryHelper.h"
#include "vtkMultiProcessController.h"
#include "vtkObjectFactory.h"
#include "vtkPVVersion.h"
#include "vtkPVXMLElement.h"
#include "vtkSMProxyManager.h"
#include "vtkSMSessionProxyManager.h"
#include "vtkSocket.h"
#include "vtkSocketCommunicator.h"
#include "vtkSocketController.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <sstream>
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

/// The messages by which simulation and viewer meet, as vtkLiveInsituLink numbers them.
constexpr int StateSizeTag = 8000, StateTag = 8001, ViewersTag = 8002, ProcessesTag = 8003;

void OnLiveChangedMessage(void *link, void *, int, int)
{
  static_cast<vtkTensorLiveLink *>(link)->OnLiveChanged();
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
  if (this->Meet()) {
    this->Known = true;
    std::fprintf(stderr, "tensorview-live: a viewer at %s\n", this->GetAddress().c_str());
    this->Proc0NodesController->GetCommunicator()->AddObserver(
      vtkCommand::WrongTagEvent, this, &vtkTensorLiveLink::OnWrongTag);
    return true;
  }
  if (here && ++this->Refusals == 3) // one that starts or ends may refuse once
    this->TellRefusal();
  this->Refused = this->Refused || here;
  // One that lets this program wait costs it half of its time at most.
  const auto end = std::chrono::steady_clock::now();
  this->NextAttempt =
    end + std::max<std::chrono::steady_clock::duration>(std::chrono::seconds(1), end - now);
  return false;
}

/// What vtkLiveInsituLink does to connect, as the simulation's only process, with each answer
/// checked: ParaView's own takes any answer for consent, connects wherever it is told to, and
/// aborts where that fails.
bool vtkTensorLiveLink::Meet()
{
  auto *manager = vtkSMProxyManager::GetProxyManager()->GetActiveSessionProxyManager();
  this->Introduce(manager);
  LiveSocket talk;
  if (!talk.Connect(this->Hostname, this->InsituPort) || !talk.ShakeHands() ||
      !talk.ShakeHands("paraview.insitu." PARAVIEW_VERSION))
    return false;
  const auto state = vtkSmartPointer<vtkPVXMLElement>::Take(manager->SaveXMLState());
  vtkLiveInsituLink::FilterXMLState(state);
  std::ostringstream text;
  state->PrintXML(text, vtkIndent());
  const std::string xml = text.str();
  const auto size = static_cast<unsigned int>(xml.size());
  const int processes = 1;
  int viewers = 0;
  if (!talk.Send(StateSizeTag, &size, sizeof size) ||
      !talk.Send(StateTag, xml.c_str(), xml.size()) ||
      !talk.Receive(ViewersTag, &viewers, sizeof viewers) || viewers < 1 ||
      !talk.Send(ProcessesTag, &processes, sizeof processes))
    return false;
  // One process of a simulation sends its data to however many by the same connection.
  this->Proc0NodesController = talk.Release();
  this->Proc0NodesController->AddRMICallback(OnLiveChangedMessage, this, LIVE_CHANGED);
  this->ExtractsDeliveryHelper = vtkSmartPointer<vtkExtractsDeliveryHelper>::New();
  this->ExtractsDeliveryHelper->SetProcessIsProducer(true);
  this->ExtractsDeliveryHelper->SetNumberOfVisualizationProcesses(viewers);
  this->ExtractsDeliveryHelper->SetNumberOfSimulationProcesses(processes);
  this->ExtractsDeliveryHelper->SetSimulation2VisualizationController(
    vtkSocketController::SafeDownCast(this->Proc0NodesController));
  return true;
}

/// ParaView's link knows the proxies that it speaks of only from an attempt to connect: one that
/// fails at once, at port 0, where nobody can listen.
void vtkTensorLiveLink::Introduce(vtkSMSessionProxyManager *manager)
{
  if (this->Introduced)
    return;
  this->Introduced = true;
  const std::string host = this->Hostname;
  const int port = this->InsituPort;
  this->SetHostname("127.0.0.1");
  this->SetInsituPort(0);
  this->Initialize(manager);
  this->SetHostname(host.c_str());
  this->SetInsituPort(port);
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
