// SPDX-License-Identifier: BSD-3-Clause
#include "LiveSocket.h"

#include "vtkClientSocket.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkSocketCommunicator.h"
#include "vtkSocketController.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {
constexpr int WordsTag = 99991, ConsentTag = 99990; // of vtkTCPNetworkAccessManager
constexpr int MostHash = 256;
constexpr char ByteOrder = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 1 : 0;

/// A socket of VTK's over a descriptor that is there already.
class vtkTensorLiveSocket : public vtkClientSocket
{
public:
  static vtkTensorLiveSocket *New();
  vtkTypeMacro(vtkTensorLiveSocket, vtkClientSocket);

  void Adopt(int descriptor)
  {
    this->SocketDescriptor = descriptor;
    this->ConnectingSide = true;
  }
};
vtkStandardNewMacro(vtkTensorLiveSocket);

void Append(std::vector<char> &bytes, int tag, const void *data, int length)
{
  for (const int word : {tag, length}) {
    const auto *first = reinterpret_cast<const char *>(&word);
    bytes.insert(bytes.end(), first, first + sizeof word);
  }
  const auto *first = static_cast<const char *>(data);
  bytes.insert(bytes.end(), first, first + length);
}

/// The hash of VTK's sources that both sides must share. It stands in no header: VTK is made to say
/// it to a pair of sockets. Empty where that failed.
std::vector<char> AskForHash()
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return {};
  const int version = vtkSocketCommunicator::GetVersion();
  std::vector<char> answers;
  Append(answers, vtkSocketController::ENDIAN_TAG, &ByteOrder, sizeof ByteOrder);
  Append(answers, vtkSocketController::VERSION_TAG, &version, sizeof version);
  const size_t before = answers.size(); // what VTK sends until then is as long
  std::vector<char> said(before + 2 * sizeof(int) + MostHash);
  ssize_t got = -1;
  {
    vtkNew<vtkSocketCommunicator> communicator;
    vtkNew<vtkTensorLiveSocket> socket;
    socket->Adopt(pair[0]);
    communicator->SetSocket(socket);
    communicator->SetReportErrors(0);
    const int display = vtkObject::GetGlobalWarningDisplay();
    vtkObject::GlobalWarningDisplayOff(); // it gets no answer to its hash
    if (write(pair[1], answers.data(), before) == static_cast<ssize_t>(before) &&
        shutdown(pair[1], SHUT_WR) == 0 && communicator->ClientSideHandshake() == 0)
      got = recv(pair[1], said.data(), said.size(), MSG_DONTWAIT);
    vtkObject::SetGlobalWarningDisplay(display);
  }
  close(pair[1]);
  int head[2] = {0, 0};
  const size_t start = before + sizeof head;
  if (got < static_cast<ssize_t>(start))
    return {};
  std::memcpy(head, said.data() + before, sizeof head);
  const ssize_t length = got - static_cast<ssize_t>(start);
  if (head[0] != vtkSocketController::HASH_TAG || head[1] <= 0 || head[1] != length)
    return {};
  return std::vector<char>(said.begin() + static_cast<ssize_t>(start), said.begin() + got);
}
} // namespace

LiveSocket::~LiveSocket()
{
  if (this->Descriptor >= 0)
    close(this->Descriptor);
}

bool LiveSocket::Connect(const std::string &host, int port)
{
  this->End = std::chrono::steady_clock::now() + Patience;
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return false;
  bool connected = false;
  for (const addrinfo *one = found; one && !connected; one = one->ai_next) {
    if (this->Descriptor >= 0)
      close(this->Descriptor);
    this->Descriptor =
      socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, one->ai_protocol);
    if (this->Descriptor < 0)
      continue;
    connected = connect(this->Descriptor, one->ai_addr, one->ai_addrlen) == 0;
    if (!connected && errno == EINPROGRESS && this->Wait(POLLOUT)) {
      int error = 0;
      socklen_t size = sizeof error;
      connected =
        getsockopt(this->Descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
  }
  freeaddrinfo(found);
  const int on = 1;
  return connected && setsockopt(this->Descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

bool LiveSocket::Wait(short events)
{
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
    this->End - std::chrono::steady_clock::now());
  pollfd one = {this->Descriptor, events, 0};
  int ready = 0;
  do
    ready = poll(&one, 1, static_cast<int>(std::max<long long>(left.count(), 0)));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

bool LiveSocket::Write(const void *data, size_t bytes)
{
  const auto *from = static_cast<const char *>(data);
  while (bytes > 0) {
    const ssize_t sent = send(this->Descriptor, from, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
      return false;
    if (sent < 0 && !this->Wait(POLLOUT))
      return false;
    if (sent > 0) {
      from += sent;
      bytes -= static_cast<size_t>(sent);
    }
  }
  return true;
}

bool LiveSocket::Read(void *data, size_t bytes)
{
  auto *to = static_cast<char *>(data);
  while (bytes > 0) {
    const ssize_t got = recv(this->Descriptor, to, bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
      return false;
    if (got < 0 && !this->Wait(POLLIN))
      return false;
    if (got > 0) {
      to += got;
      bytes -= static_cast<size_t>(got);
    }
  }
  return true;
}

bool LiveSocket::Send(int tag, const void *data, size_t bytes)
{
  const int head[2] = {tag, static_cast<int>(bytes)};
  return bytes <= INT32_MAX && this->Write(head, sizeof head) && this->Write(data, bytes);
}

bool LiveSocket::Receive(int tag, void *data, size_t bytes)
{
  int head[2] = {0, 0};
  return this->Read(head, sizeof head) && head[0] == tag && head[1] >= 0 &&
         static_cast<size_t>(head[1]) == bytes && this->Read(data, bytes);
}

bool LiveSocket::ShakeHands()
{
  const std::vector<char> hash = AskForHash();
  const int version = vtkSocketCommunicator::GetVersion(), wide = sizeof(vtkIdType) == 8;
  const struct
  {
    int Tag;
    const void *Data;
    size_t Bytes;
  } rounds[] = {{vtkSocketController::ENDIAN_TAG, &ByteOrder, sizeof ByteOrder},
    {vtkSocketController::VERSION_TAG, &version, sizeof version},
    {vtkSocketController::HASH_TAG, hash.data(), hash.size()},
    {vtkSocketController::IDTYPESIZE_TAG, &wide, sizeof wide}};
  char answer[MostHash];
  for (const auto &round : rounds)
    if (round.Bytes == 0 || !this->Send(round.Tag, round.Data, round.Bytes) ||
        !this->Receive(round.Tag, answer, round.Bytes) ||
        std::memcmp(answer, round.Data, round.Bytes) != 0)
      return false;
  return true;
}

bool LiveSocket::ShakeHands(const std::string &words)
{
  const int length = static_cast<int>(words.size() + 1);
  int refusal = -1;
  return this->Send(WordsTag, &length, sizeof length) &&
         this->Send(WordsTag, words.c_str(), words.size() + 1) &&
         this->Receive(ConsentTag, &refusal, sizeof refusal) && refusal == 0;
}

vtkSmartPointer<vtkSocketController> LiveSocket::Release()
{
  fcntl(this->Descriptor, F_SETFL, fcntl(this->Descriptor, F_GETFL) & ~O_NONBLOCK);
  const auto controller = vtkSmartPointer<vtkSocketController>::New();
  auto *communicator = vtkSocketCommunicator::SafeDownCast(controller->GetCommunicator());
  vtkNew<vtkTensorLiveSocket> socket;
  socket->Adopt(this->Descriptor);
  this->Descriptor = -1;
  communicator->SetPerformHandshake(0); // it is done
  communicator->SetSocket(socket);
  return controller;
}
