// SPDX-License-Identifier: BSD-3-Clause
#include "RunNames.h"

#include "RunSource.h"

#include "vtkAlgorithm.h"

#include <algorithm>
#include <set>

namespace {
/// The last so many parts of a path.
std::string EndOf(const std::string &path, size_t parts)
{
  size_t at = path.size();
  for (; parts > 0 && at != std::string::npos; --parts)
    at = at > 0 ? path.rfind('/', at - 1) : std::string::npos;
  return at == std::string::npos ? path : path.substr(at + 1);
}

std::string WithoutExtension(const std::string &path)
{
  const size_t dot = path.rfind('.'), slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  return dot == std::string::npos || dot <= name ? path : path.substr(0, dot);
}
} // namespace

std::vector<std::string> RunNames(vtkAlgorithm *filter)
{
  const int count = filter->GetNumberOfInputConnections(0);
  std::vector<std::string> paths, names;
  size_t most = 1;
  for (int k = 0; k < count; ++k) {
    const std::vector<std::string> of = RunSource::Paths(filter, 0, k);
    paths.push_back(of.empty() ? "" : WithoutExtension(of.front()));
    const auto slashes = std::count(paths.back().begin(), paths.back().end(), '/');
    most = std::max(most, static_cast<size_t>(slashes) + 1);
  }
  for (size_t parts = 1; parts <= most; ++parts) {
    names.clear();
    for (const std::string &path : paths)
      names.push_back(EndOf(path, parts));
    const std::set<std::string> different(names.begin(), names.end());
    if (different.size() == names.size() && !different.count(""))
      return names;
  }
  for (size_t k = 0; k < names.size(); ++k)
    names[k] = "run " + std::to_string(k);
  return names;
}
