/* SPDX-License-Identifier: BSD-3-Clause */
/// A connection to a ParaView that waits for Catalyst, which trusts nobody until it knows that it
/// speaks to one.
///
/// ParaView's own handshake believes what it is sent: an answer with a wrong tag counts as consent,
/// and a length is memory to be had, so that a stranger who listens at the port and echoes, or
/// sends anything, ends the program. Here each answer is compared with the only right one, byte
/// for byte, and nothing is waited for longer than LiveSocket::Patience.
///
/// A message is an int, the tag, an int, the length in bytes, and the bytes; numbers as this
/// machine stores them (a viewer on a machine of the other byte order is refused).
#ifndef LiveSocket_h
#define LiveSocket_h

#include "vtkSmartPointer.h"

#include <chrono>
#include <string>

class vtkSocketController;

class LiveSocket
{
public:
  /// For everything from the connection to the last answer of the handshake.
  static constexpr std::chrono::seconds Patience{10};

  LiveSocket() = default;
  ~LiveSocket(); ///< closes it
  LiveSocket(const LiveSocket &) = delete;
  void operator=(const LiveSocket &) = delete;

  /// All that follow: false where that failed, or the other side is no ParaView of this version;
  /// the connection is then of no use any more.
  bool Connect(const std::string &host, int port);

  /// The handshake of two sockets of VTK: byte order, version, hash of the sources, size of ids.
  bool ShakeHands();

  /// That of a simulation and a ParaView that waits for it, after the first.
  bool ShakeHands(const std::string &words);

  bool Send(int tag, const void *data, size_t bytes);

  /// A message of just this tag and length.
  bool Receive(int tag, void *data, size_t bytes);

  /// The connection as VTK uses it; this object is empty then.
  vtkSmartPointer<vtkSocketController> Release();

private:
  bool Wait(short events);
  bool Write(const void *data, size_t bytes);
  bool Read(void *data, size_t bytes);

  int Descriptor = -1;
  std::chrono::steady_clock::time_point End;
};

#endif
