// Damages a run file at random, many times, and reads each one whole in a process of its own.
//
//   fuzz FILE COUNT SEED
//
// Every damaged file must be read, or refused with a sentence that names it; a crash, a sanitizer's
// report, more than 20 s or more than 2 GB is a failure, and the file is kept.
#include "RunSeries.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {
bool ReadAll(const std::string &path, std::string &error)
{
  RunSeries series;
  if (!series.Open({path}, error))
    return false;
  RunFile &file = series.Files[0];
  if (!file.Reopen()) {
    error = file.Error();
    return false;
  }
  bool good = true;
  const auto note = [&](bool success) {
    good = good && success;
    if (!success && error.empty())
      error = file.Error();
  };
  for (const RunFile::Tensor &tensor : file.Tensors()) {
    const size_t filters =
      tensor.Layout.matrix ? tensor.Layout.windows.rows : tensor.Layout.windows.filters;
    std::vector<char> record(tensor.Layout.elements * tv_layout_result_size(tensor.Type));
    for (size_t k = 0; k < tensor.Complete && k < 20; ++k)
      note(file.ReadRecord(tensor, k, 0, filters, record.data(), 1, nullptr));
    const std::vector<size_t> elements{0, tensor.Layout.elements / 2, tensor.Layout.elements - 1};
    std::vector<double> history(elements.size() * tensor.Complete);
    note(file.ReadElements(tensor, elements, 0, history.data(), nullptr));
  }
  std::vector<double> scalars;
  note(file.ReadScalars(scalars));
  for (const RunFile::FilterStates &states : file.States()) {
    std::vector<int> codes;
    for (size_t k = 0; k < states.Complete; ++k)
      note(file.ReadStates(states, k, codes));
  }
  return good;
}

std::vector<char> Damage(std::vector<char> bytes, std::mt19937_64 &random)
{
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  static const unsigned char telling[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
  switch (below(6)) {
  case 0: // cut off
    bytes.resize(below(bytes.size()));
    break;
  case 1: // a piece of zeros, as after a crash of the machine
    for (size_t at = below(bytes.size()), end = std::min(bytes.size(), at + 1 + below(512));
         at < end; ++at)
      bytes[at] = 0;
    break;
  case 2: // a piece of it somewhere else
    for (size_t from = below(bytes.size()), to = below(bytes.size()), k = 0; k < 64; ++k)
      bytes[(to + k) % bytes.size()] = bytes[(from + k) % bytes.size()];
    break;
  default: // some bytes
    for (size_t k = 1 + below(8); k > 0; --k)
      bytes[below(bytes.size())] =
        below(2) ? static_cast<char>(telling[below(sizeof telling)]) : static_cast<char>(random());
  }
  return bytes;
}
} // namespace

int main(int argc, char **argv)
{
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s FILE COUNT SEED\n", argv[0]);
    return 2;
  }
  std::ifstream stream(argv[1], std::ios::binary);
  const std::vector<char> whole((std::istreambuf_iterator<char>(stream)), {});
  std::string error;
  if (whole.empty() || !ReadAll(argv[1], error)) {
    std::fprintf(stderr, "%s cannot be read as it is: %s\n", argv[1], error.c_str());
    return 2;
  }
  const int count = std::atoi(argv[2]);
  int read = 0, refused = 0, failed = 0;
  for (int k = 0; k < count; ++k) {
    std::mt19937_64 random(std::strtoull(argv[3], nullptr, 10) * 1000003u + k);
    const std::vector<char> bytes = Damage(whole, random);
    const std::string path = "damaged" + std::to_string(getpid()) + ".tvh5";
    std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      if (!freopen("child.log", "w", stderr))
        _exit(3);
      error.clear();
      const bool good = ReadAll(path, error);
      if (!good && error.find(path) == std::string::npos)
        _exit(4); // a failure with no sentence, or one that does not name the file
      _exit(good ? 0 : 1);
    }
    int status = 0;
    struct rusage usage;
    wait4(child, &status, 0, &usage);
    const bool large = usage.ru_maxrss > 2000000;
    if (!large && WIFEXITED(status) && WEXITSTATUS(status) <= 1)
      ++(WEXITSTATUS(status) ? refused : read);
    else {
      ++failed;
      const std::string kept = "failed" + std::to_string(k) + ".tvh5";
      std::rename(path.c_str(), kept.c_str());
      std::rename("child.log", (kept + ".log").c_str());
      std::printf("%s: status %#x, %ld KB\n", kept.c_str(), status, usage.ru_maxrss);
    }
    std::remove(path.c_str());
  }
  std::printf("%d read, %d refused, %d failed\n", read, refused, failed);
  return failed != 0;
}
