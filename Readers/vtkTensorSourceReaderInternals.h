/* SPDX-License-Identifier: BSD-3-Clause */
/// What vtkTensorSourceReader remembers from one execution to the next.
#ifndef vtkTensorSourceReaderInternals_h
#define vtkTensorSourceReaderInternals_h

#include "TensorSource.h"
#include "vtkTensorSourceReader.h"

#include "vtkDataArray.h"
#include "vtkIntArray.h"
#include "vtkSmartPointer.h"

#include <functional>    // for progress
#include <map>           // for what was read
#include <set>           // for what was said
#include <string>        // for names
#include <unordered_set> // for names
#include <vector>        // for lists

struct vtkTensorSourceReader::Internals
{
  /// What was read of each tensor, until two executions have gone by in which nobody wanted it.
  template <typename T> class Memory
  {
  public:
    T &Of(const std::string &name)
    {
      const auto before = this->Before.find(name);
      if (before != this->Before.end()) {
        this->Now[name] = std::move(before->second);
        this->Before.erase(before);
      }
      return this->Now[name];
    }
    void Turn()
    {
      this->Before = std::move(this->Now);
      this->Now.clear();
    }
    void Forget()
    {
      this->Now.clear();
      this->Before.clear();
    }

  private:
    std::map<std::string, T> Now, Before;
  };

  /// What was last read of a tensor, so that a change of anything else does not read it again.
  struct Kept
  {
    size_t Record = 0;
    TensorSource::Share Share;
    vtkSmartPointer<vtkDataArray> Values;
  };

  /// A running sum: so many records of a tensor, from the first.
  struct Running
  {
    size_t Records = 0;
    TensorSource::Share Share;
    int64_t Samples = 0;
    std::vector<double> Sum;
  };

  std::vector<std::string> Names;  ///< as asked for
  std::vector<std::string> Opened; ///< those that the source was opened with
  std::string Stamp;               ///< of files that could not be opened
  bool Reload = false;             ///< somebody asked to read them anew
  bool Good = true;                ///< the files could be listed
  std::string Failure;             ///< why not, and that it was said
  std::string Said[2];             ///< what was last said about each output; empty: it was read
  std::set<std::string> Reported;  ///< notes, and problems of tensors
  TensorSource Source;
  bool Described = false;                  ///< tensors were not asked for on demand, but given so
  std::unordered_set<std::string> Enabled; ///< of the selection, at its time
  vtkMTimeType EnabledAt = 0;              ///< 0: to be listed again
  std::vector<double> Steps;               ///< of the records
  std::vector<double> Times;               ///< TIME_STEPS: when each of Steps is shown
  Memory<Kept> Records;
  Memory<Running> Sums;
  vtkTypeInt64 ValuesRead = 0; ///< of tensors, ever
  std::string HistoryKey;      ///< of the history: tensor and elements
  std::vector<double> History;
  std::map<int64_t, std::map<std::string, double>> Seen; ///< of a ring: step -> column -> value

  vtkSmartPointer<vtkDataArray> Read(const TensorSource::Tensor &tensor, size_t record,
    const TensorSource::Share &share, const tv_execution &execution)
  {
    this->ValuesRead += static_cast<vtkTypeInt64>(share.Elements);
    return this->Source.Read(tensor, record, share, &execution, false);
  }

  void Forget()
  {
    this->Records.Forget();
    this->Sums.Forget();
    this->History.clear();
  }
};

/// One execution: what is asked for, and what it leaves for the next.
struct vtkTensorSourceReader::Request
{
  double Time = 0; ///< as a step of the training, whatever unit the reader's times have
  size_t Rank = 0, Ranks = 1;
  std::function<bool(double)> Progress; ///< with what is done of one tensor; false: stop
  tv_execution Execution{};             ///< calls Progress
  std::map<size_t, vtkSmartPointer<vtkIntArray>> States; ///< read already
  std::string Error;                                     ///< the first thing that failed

  /// Keeps the sentence of the last failure, unless there is one already.
  void Fail()
  {
    if (this->Error.empty())
      this->Error = tv_last_error();
  }

  /// A tv_progress; the context is the request.
  static int Call(void *request, double done)
  {
    return static_cast<Request *>(request)->Progress(done) ? 0 : 1;
  }
};

#endif
