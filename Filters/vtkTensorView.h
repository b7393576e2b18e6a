/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorView
 * @brief what the grids share: which part of a tensor is shown, how coarsely, with which arrays
 *
 * A view shows a region of a tensor: ranges of filters, channels, rows and columns. Where the
 * region has more cells than MaximumCells, each window is cut into tiles, and each tile becomes one
 * cell (Reduction says how). Filters and channels keep their places in the grid in any case, see
 * Filters/Kernels/view.h.
 *
 * With several ranks each shows what lies there, and all together what one rank would: a tile of a
 * matrix whose rows lie on several ranks is shown by the first of them, to which the others send
 * theirs.
 *
 * Every grid has two more outputs: the frames and numbers of its windows, as lines (WindowMarks.h),
 * and a table with one text, Title: the tensor, the step at which it was recorded and what the view
 * leaves out. With several ranks the first one has numbers and title.
 *
 * The output's field data is that of the tensor (its layer, kind, step, ...) and, where the view
 * shows less than everything, the array Note with a sentence that says so; ParaView's output
 * messages have it as well.
 */
#ifndef vtkTensorView_h
#define vtkTensorView_h

#include "TensorViewFiltersModule.h" // for export macro
#include "vtkSmartPointer.h"         // for the arrays
#include "vtkTensorFilter.h"

#include "view.h" // for tv_view

#include <functional> // for chunks of work
#include <map>        // for the groups
#include <string>     // for the note
#include <vector>     // for lines

class vtkDataArray;
class vtkDataSetAttributes;
class vtkFieldData;
class vtkIntArray;
class WindowMarks;

class TENSORVIEWFILTERS_EXPORT vtkTensorView : public vtkTensorFilter
{
public:
  vtkTypeMacro(vtkTensorView, vtkTensorFilter);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  ///@{
  /// First and last index shown; a last of -1 is the tensor's last. Default: 0 -1, all.
  vtkSetVector2Macro(FilterRange, int);
  vtkGetVector2Macro(FilterRange, int);
  vtkSetVector2Macro(ChannelRange, int);
  vtkGetVector2Macro(ChannelRange, int);
  vtkSetVector2Macro(RowRange, int);
  vtkGetVector2Macro(RowRange, int);
  vtkSetVector2Macro(ColumnRange, int);
  vtkGetVector2Macro(ColumnRange, int);
  ///@}

  ///@{
  /// At most so many cells; more are shown as an overview of tiles.
  vtkSetClampMacro(MaximumCells, vtkIdType, 1, VTK_INT_MAX);
  vtkGetMacro(MaximumCells, vtkIdType);
  ///@}

  ///@{
  /// What a tile shows: TV_MEAN (default) or TV_MAGNITUDE.
  vtkSetClampMacro(Reduction, int, TV_MEAN, TV_MAGNITUDE);
  vtkGetMacro(Reduction, int);
  ///@}

  enum IndexArraysType
  {
    AUTOMATIC = 0, ///< up to four million cells: above it they would outweigh the data by far
    ON = 1,
    OFF = 2
  };
  ///@{
  /// Whether cells carry Filter, Channel, Row, Column and Group.
  vtkSetClampMacro(IndexArrays, int, AUTOMATIC, OFF);
  vtkGetMacro(IndexArrays, int);
  ///@}

  ///@{
  /// Whether the windows are numbered. Default: on.
  vtkSetMacro(Numbers, bool);
  vtkGetMacro(Numbers, bool);
  ///@}

  ///@{
  /// The groups of the filters that were shown last, each as its number (-1: no group) and that of
  /// its members, "0 4"; none where the layer was not grouped. Named as ParaView's helper for lists
  /// of arrays wants it, which makes 0 or 1 of every status.
  int GetNumberOfGroupArrays() const { return static_cast<int>(this->Members.size()); }
  const char *GetGroupArrayName(int index) const;
  int GetGroupArrayStatus(const char *) const { return 1; }
  ///@}

  ///@{
  /// The filters shown last that are not alive, each as its number and its state: "7 dead",
  /// "9 pruned", "12 merged into 3". Of a matrix, its rows.
  int GetNumberOfStateArrays() const { return static_cast<int>(this->States.size()); }
  const char *GetStateArrayName(int index) const;
  int GetStateArrayStatus(const char *) const { return 1; }
  ///@}

  enum PortsType
  {
    GRID_PORT = 0,
    MARKS_PORT = 1, ///< vtkPolyData
    TITLE_PORT = 2  ///< vtkTable
  };

protected:
  vtkTensorView(const char *preferredKind, vtkIdType maximumCells);
  ~vtkTensorView() override = default;

  /// The type of the marks and of the title; that of the grid is the subclass's.
  int FillOutputPortInformation(int port, vtkInformation *info) override;

  /// What a request needs to know.
  struct Shown
  {
    vtkTensorRecord Record;
    tv_tensor Tensor{}; ///< in kernels' terms; points into Record and Values
    tv_tensor
      Border{};     ///< the tile at which this rank's rows end, where other ranks have some of it
    tv_view View{}; ///< in full; reduce it with Reduce()
    vtkSmartPointer<vtkDataArray> Values;
    std::vector<char> BorderValues;
    std::string Note;
    bool Empty = true; ///< nothing recorded yet
  };

  /// Finds the tensor and lays out its region. False after an error message; requests then return 1
  /// with an empty output, or the pipeline would add a page of its own to that one sentence. Every
  /// rank must call this, and all return the same; one that has nothing of the tensor learns from
  /// the others what it is.
  bool Prepare(vtkInformationVector **inputVector, Shown &shown);

  /// The tensor's shape from pipeline information, or from the input's data where that has come.
  bool FindShape(vtkInformationVector **inputVector, tv_tensor &tensor);

  /// The region that the properties describe, for that tensor.
  tv_region Region(const tv_tensor &tensor) const;

  /// Makes tiles where there are too many cells, and says so in the note. Every rank must call
  /// this.
  bool Reduce(Shown &shown, bool gaps);

  /// Whether it is one window, whose rows the ranks share, and not its windows.
  static bool IsMatrix(const tv_tensor &tensor)
  {
    return tensor.whole.filters * tensor.whole.channels == 1;
  }

  /// The rows of cells that this rank shows, in tensor order; and how many all ranks show.
  static std::vector<tv_line> Lines(const Shown &shown);
  static size_t CountAllLines(const Shown &shown);

  /// The values of some of these in their order, one row of cells after the other.
  static void FillValues(void *values, const Shown &shown, const tv_line *lines, size_t count);

  /// Whether cells of that number get index arrays; says so in the note where not.
  bool WantsIndices(Shown &shown, vtkIdType cells) const;

  /// A new array for values, with the tensor's name and type.
  static vtkSmartPointer<vtkDataArray> NewValues(const Shown &shown, vtkIdType count);

  /// Adds an int array and returns where it lies.
  static int *AddIndices(vtkDataSetAttributes *attributes, const char *name, vtkIdType count);

  /// Adds Filter, Channel, Row, Column and Group.
  static tv_indices AddIndices(vtkDataSetAttributes *attributes, vtkIdType count);

  /// Tells each array its range, found with all threads: ParaView asks for it several times, and
  /// finds it with one.
  static void RememberRanges(vtkDataSetAttributes *attributes);

  /// Gives an output its field data.
  void AddFields(vtkFieldData *fields, const Shown &shown);

  /// Fills the second output with the marks given, and with numbers where they are wanted.
  void AddMarks(vtkInformationVector *outputVector, const Shown &shown, WindowMarks &marks,
    bool onPicture) const;

  /// Fills the third one. groups: whether to say how many groups there are.
  static void AddTitle(vtkInformationVector *outputVector, const Shown &shown, bool groups);

  /// Calls work(first, number) for parts of count, with progress between them. False where the
  /// user stopped it.
  bool InChunks(size_t count, const std::function<void(size_t, size_t)> &work);

  int FilterRange[2] = {0, -1};
  int ChannelRange[2] = {0, -1};
  int RowRange[2] = {0, -1};
  int ColumnRange[2] = {0, -1};
  vtkIdType MaximumCells;
  int Reduction = TV_MEAN;
  int IndexArrays = AUTOMATIC;
  bool Numbers = true;

private:
  static void Describe(Shown &shown);
  bool Agree(bool found, Shown &shown);
  void Label(Shown &shown);
  void CountGroups(vtkIntArray *group, vtkIntArray *state);
  void ListStates(vtkIntArray *state);
  bool LayOut(Shown &shown);

  std::string Note;
  std::vector<std::string> Members; ///< of each group, "0 4"
  std::vector<std::string> States;  ///< of filters that are not alive, "7 dead"

  vtkTensorView(const vtkTensorView &) = delete;
  void operator=(const vtkTensorView &) = delete;
};

#endif
