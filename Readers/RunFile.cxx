#include "RunFile.h"

#include "tensorview/format.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>
#include <sys/stat.h>
#include <thread>

void RunFile::Fail(const std::string &what) const
{
  throw RunFileFailure(this->FileName + ": " + what);
}

bool RunFile::Guard(const std::function<void()> &work)
{
  const Hdf5Silence silence;
  this->Sentence.clear();
  try {
    work();
    return true;
  } catch (const RunFileFailure &failure) {
    this->Sentence = failure.what();
  } catch (const std::bad_alloc &) {
    this->Sentence = this->FileName + ": there is not enough memory to read it";
  }
  return false;
}

std::string RunFile::Stamp(const std::string &path)
{
  static std::atomic<unsigned> unique{0};
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return "";
  std::string stamp = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
                      std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) +
                      "." + std::to_string(info.st_mtim.tv_nsec);
  // The clock of a file system ticks in milliseconds: a second change may bear the same time.
  const double age = std::difftime(std::time(nullptr), info.st_mtim.tv_sec);
  if (age >= 0 && age < 2)
    stamp += "?" + std::to_string(++unique);
  return stamp;
}

uint64_t RunFile::Size(const std::string &path)
{
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

/// Opens the file, and only that: as its writer left it, or beside its writer.
void RunFile::OpenFile()
{
  this->Close();
  struct stat info;
  if (stat(this->FileName.c_str(), &info) != 0)
    this->Fail(std::string("it cannot be opened: ") + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    this->Fail("it is not a file");
  this->FileSize = static_cast<uint64_t>(info.st_size);
  const std::string identity = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
  if (this->FileIdentity.empty())
    this->FileIdentity = identity;
  else if (this->FileIdentity != identity)
    this->Fail("it was replaced by another file since it was opened; reload it");

  // The superblock says whether its writer has closed it: a plain open would refuse.
  unsigned char head[36] = {};
  std::ifstream stream(this->FileName, std::ios::binary);
  if (!stream)
    this->Fail(std::string("it cannot be opened: ") + std::strerror(errno));
  stream.read(reinterpret_cast<char *>(head), sizeof head);
  if (std::memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0)
    this->Fail(info.st_size == 0 ? "it is empty, not an HDF5 file" : "it is not an HDF5 file");
  const unsigned version = head[8];
  this->Live = version >= 3 && (head[11] & 0x05) != 0;
  if (version >= 2 && !this->Live) {
    uint64_t end = 0;
    for (int k = 0; k < 8; ++k)
      end |= static_cast<uint64_t>(head[28 + k]) << (8 * k);
    if (head[9] == 8 && end > this->FileSize)
      this->Fail("it is cut off: it should have " + std::to_string(end) + " bytes and has " +
                 std::to_string(this->FileSize));
  }

  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  // HDF5 reads metadata with a wrong checksum again and again, and waits twice as long each time:
  // milliseconds are right for a writer at work, its 100 attempts would never end after its death.
  H5Pset_metadata_read_attempts(access, 22);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(access, false, true); // never in the way of a trainer that opens it
#endif
  this->File = Hdf5Handle(H5Fopen(this->FileName.c_str(),
    this->Live ? H5F_ACC_RDONLY | H5F_ACC_SWMR_READ : H5F_ACC_RDONLY, access));
  if (!this->File)
    this->Fail("it is an HDF5 file that cannot be opened; " + Hdf5Reason());
}

void RunFile::Close()
{
  this->File.Reset();
}

bool RunFile::Recognise(const std::string &path)
{
  RunFile file;
  file.FileName = path;
  return file.Guard([&file] {
    file.OpenFile();
    if (file.ReadString(file.File, "format", "the file") != TV_FORMAT_NAME)
      file.Fail("not ours");
  });
}

bool RunFile::Open(const std::string &path)
{
  this->FileName = path;
  this->FileIdentity.clear();
  this->TensorList.clear();
  this->StateList.clear();
  this->ScalarStream = Stream();
  this->ScalarNameList.clear();
  const bool good = this->Guard([this] {
    // A writer that is only just creating the file has not declared everything yet.
    for (int attempt = 0;; ++attempt)
      try {
        this->OpenFile();
        this->List();
        return;
      } catch (const RunFileFailure &) {
        if (!this->Live || attempt == 3)
          throw;
        this->TensorList.clear();
        this->StateList.clear();
        std::this_thread::sleep_for(std::chrono::milliseconds(10 << attempt));
      }
  });
  if (!good) {
    this->Close();
    this->TensorList.clear();
    this->StateList.clear();
    this->ScalarStream = Stream();
    this->ScalarNameList.clear();
  }
  return good;
}

bool RunFile::Reopen()
{
  return this->Guard([this] { this->OpenFile(); });
}
