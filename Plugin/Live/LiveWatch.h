/* SPDX-License-Identifier: BSD-3-Clause */
/// What must go on whatever scripts, viewers and ParaView do: a thread of its own that tells the
/// trainer that this program lives, collects the history, and says so where something hangs.
#ifndef LiveWatch_h
#define LiveWatch_h

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

class LiveNetwork;
struct tv_ring_reader;

class LiveWatch
{
public:
  LiveWatch(tv_ring_reader *reader, LiveNetwork *network);
  ~LiveWatch(); ///< stops the thread

  /// While one of these lives, the program is doing what it says; after ten seconds of it the user
  /// is told.
  class Activity
  {
  public:
    explicit Activity(const std::string &what);
    ~Activity();
    Activity(const Activity &) = delete;
    void operator=(const Activity &) = delete;
  };

  /// The end has been asked for: a second from then the process ends whatever it does.
  static std::atomic<bool> Ending;

private:
  void Run();

  tv_ring_reader *Reader;
  LiveNetwork *Network;
  std::atomic<bool> Stop{false};
  std::thread Thread;
};

#endif
