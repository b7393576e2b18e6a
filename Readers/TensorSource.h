/* SPDX-License-Identifier: BSD-3-Clause */
/// A source of tensors (tensorview/source.h) as VTK data: the one place where what it lists and reads
/// becomes records of a vtkTensorCollection, for files and for the ring alike.
#ifndef TensorSource_h
#define TensorSource_h

#include "TensorViewReadersModule.h" // for export macro
#include "tensorview/source.h"

#include "vtkSmartPointer.h"
#include "vtkTensorCollection.h"

#include <string>        // for names
#include <unordered_map> // for states by layer
#include <vector>        // for lists

class TENSORVIEWREADERS_EXPORT TensorSource
{
public:
  /// One rank's part of a tensor: a contiguous range of its filters, or of the rows of a matrix.
  struct Share
  {
    size_t Begin = 0;    ///< first filter (or row)
    size_t Filters = 0;  ///< how many of them
    size_t Elements = 0; ///< in them

    bool operator==(const Share &other) const
    {
      return this->Begin == other.Begin && this->Filters == other.Filters &&
             this->Elements == other.Elements;
    }
  };

  /// A tensor that can be shown.
  struct Tensor
  {
    std::string Name, Layer, Kind;
    size_t Index; ///< in the source
    tv_windows Windows;
    size_t Filters; ///< or rows of a matrix: what ranks share
    size_t Elements;
    bool Matrix;
    bool Wide; ///< float64 in VTK
    bool Offered;
    ptrdiff_t States; ///< of its filters, in the source; -1: none
  };

  TensorSource() = default;
  ~TensorSource();
  TensorSource(const TensorSource &) = delete;
  void operator=(const TensorSource &) = delete;

  /// Takes a source, and lists it. Null lets go of the last.
  void Take(tv_source *source);

  /// After the source was refreshed.
  void List();

  tv_source *Get() const { return this->Source; }
  explicit operator bool() const { return this->Source != nullptr; }

  const std::vector<Tensor> &Tensors() const { return this->TensorList; }
  const tv_source_tensor &Listed(const Tensor &tensor) const;

  /// -1 where there is none that can be shown.
  ptrdiff_t Find(const std::string &name) const;

  /// Sentences: what was left out of a damaged source, and what is wrong with tensors that cannot be
  /// shown.
  const std::vector<std::string> &Notes() const { return this->NoteList; }

  /// The last record at or before a time; -1 where there is none.
  ptrdiff_t RecordAt(const Tensor &tensor, double time) const;

  static Share ShareOf(const Tensor &tensor, size_t rank, size_t ranks);

  /// What is known of a tensor before a record is read.
  static vtkTensorRecord Describe(const Tensor &tensor, const Share &share);

  static vtkSmartPointer<vtkDataArray> NewValues(const Tensor &tensor, size_t count);

  /// A part of a record; null, with tv_last_error(), where it cannot be read. Where the source has
  /// the whole of it in memory as it is, that memory (borrow): valid until the source is refreshed
  /// or closed.
  vtkSmartPointer<vtkDataArray> Read(const Tensor &tensor, size_t record, const Share &share,
    const tv_execution *execution, bool borrow) const;

  /// The states of a tensor's filters at a time: null where none were recorded, or where they are not
  /// one for each filter (or row of a matrix); null, too, and failed, where they cannot be read.
  vtkSmartPointer<vtkIntArray> ReadStates(const Tensor &tensor, double time, bool &failed) const;

private:
  void Add(size_t index, const std::unordered_map<std::string, size_t> &states);

  tv_source *Source = nullptr;
  std::vector<Tensor> TensorList;
  std::unordered_map<std::string, size_t> Numbers;
  std::vector<std::string> NoteList;
};

#endif
