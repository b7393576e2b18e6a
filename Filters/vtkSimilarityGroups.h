/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkSimilarityGroups
 * @brief which filters of a layer say the same: groups of similar filters
 *
 * Takes a tensor with a value for each filter and pixel (activations, summed over a batch), and
 * gives
 *
 *   port 0  vtkPartitionedDataSetCollection: the input, its values shared, with each filter's group
 *           in the field data (vtkIntArray Group) of every tensor of the chosen tensor's layer
 *   port 1  vtkTable, a row for each filter: Filter, Group (-1: none), Representative (the lowest
 *           filter of the group; itself where there is no group; -1 for a filter without
 *           similarity), Correlation (to the representative), Scale and Offset (least squares:
 *           filter = Scale * representative + Offset, in units of the chosen tensor), State (-1
 *           alive, -2 pruned, -3 dead, and from 0 the filter into which it was merged). And the plan
 *           of merging that follows, which tensorview.prune(plan=) takes: MergeInto (the filter
 *           that is to stand in for it; -1: it stays), Residual (the part of its variance that this
 *           leaves over; 0 where it stays), Cost (the part of the variance of what the next layer
 *           makes that is lost if this filter alone is merged, merge_plan.h; NaN where there are no
 *           weights of a next layer that could read this one's filters, in parts on several ranks,
 *           or more than 2^24 of them), Layer
 *   port 2  vtkImageData, [filters, filters] cells: Correlation, and up to 1024 filters the cells'
 *           Row and Column. Read it as a matrix: filter 0's row stands at the top, its column at
 *           the left; so cell (column, filters - 1 - row) of the image is element (row, column),
 *           and the diagonal falls from the upper left.
 *   port 3  vtkTable, to be read: Filter, Condition (alive, dead, pruned, merged into 3), Group,
 *           Representative, Correlation
 *
 * A group is numbered by its lowest filter, counting those that were merged into its filters; so
 * numbers have gaps. It keeps its number, and with it its colour, from step to step, whatever
 * happens to other groups, in any order of looking at the steps, on any number of ranks and live:
 * {0, 12} is group 0, and so is {0, 12, 14} later, and {12, 14} once 0 has been merged into 12.
 * Where a lower filter joins, or the lowest one leaves alive, the number changes: nothing but what
 * was looked at before could tell that this is the same group, and then it would depend on that.
 *
 * Similarity is NaN in rows and columns of filters that are constant (dead), pruned, merged, or
 * hold NaN or infinity; these are in no group. Dead: recorded as such, or constant in the tensor.
 *
 * Any tensor can be chosen: what belongs to a filter are all its windows. Of a fully connected
 * layer's weights, filters are the rows. Before the tensor's first record nothing is known: no
 * groups, NaN everywhere.
 *
 * Statistics: SUMMED_MAPS takes the tensor as it is, as the paper does. MOMENTS takes the second
 * moments over all pixels of all samples that the trainer recorded for the same layer (kind
 * "moments", Filters/Kernels/moments.h); Scale and Offset are then those of single samples. They
 * are also taken where a filter has only one pixel, which has no correlation of its own.
 *
 * Field data of the tables and the matrix: Tensor (that similarity was taken from), Step; NextLayer
 * (whose weights Cost is of), and Note, a sentence, where the maps are too small to be trusted: fewer
 * than 50 pixels that were summed over samples, where filters look alike that are not in single samples.
 *
 * With several ranks each has some of the filters; ranks exchange pixels, so that each computes
 * with all filters of its share of pixels, and then add up. All ranks know all groups; the table
 * and the matrix are on the first.
 */
#ifndef vtkSimilarityGroups_h
#define vtkSimilarityGroups_h

#include "vtkTensorFilter.h"

class vtkImageData;
class vtkPartitionedDataSetCollection;
class vtkTable;

struct SimilarityResult;

class TENSORVIEWFILTERS_EXPORT vtkSimilarityGroups : public vtkTensorFilter
{
public:
  static vtkSimilarityGroups *New();
  vtkTypeMacro(vtkSimilarityGroups, vtkTensorFilter);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  enum MetricType
  {
    PEARSON = 0,
    COSINE = 1
  };
  enum LinkageType
  {
    COMPLETE = 0, ///< every pair in a group reaches the threshold
    SINGLE = 1    ///< chains of pairs that reach it
  };
  enum StatisticsType
  {
    SUMMED_MAPS = 0,
    MOMENTS = 1
  };

  ///@{
  /// How similarity is measured: Pearson's correlation (default), or the cosine of the angle.
  vtkSetClampMacro(Metric, int, PEARSON, COSINE);
  vtkGetMacro(Metric, int);
  ///@}

  ///@{
  /// Similarity from which filters belong together; 0.97 is the default.
  vtkSetClampMacro(Threshold, double, -1.0, 1.0);
  vtkGetMacro(Threshold, double);
  ///@}

  ///@{
  /// How groups grow; COMPLETE is the default.
  vtkSetClampMacro(Linkage, int, COMPLETE, SINGLE);
  vtkGetMacro(Linkage, int);
  ///@}

  ///@{
  /// What similarity is taken from; SUMMED_MAPS is the default.
  vtkSetClampMacro(Statistics, int, SUMMED_MAPS, MOMENTS);
  vtkGetMacro(Statistics, int);
  ///@}

  /// The sentence Note of the last execution, or nothing.
  vtkGetCharFromStdStringMacro(Note);

protected:
  vtkSimilarityGroups();
  ~vtkSimilarityGroups() override = default;

  int FillOutputPortInformation(int port, vtkInformation *info) override;
  int RequestInformation(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;
  int RequestData(vtkInformation *request, vtkInformationVector **inputVector,
    vtkInformationVector *outputVector) override;

private:
  vtkSimilarityGroups(const vtkSimilarityGroups &) = delete;
  void operator=(const vtkSimilarityGroups &) = delete;

  ///@{
  /// Fill a result; false after an error message, or where the user aborts.
  bool Compute(vtkDataObject *input, const vtkTensorRecord &record, SimilarityResult &result);
  bool FromMaps(const vtkTensorRecord &record, SimilarityResult &result);
  bool FromMapsOfRanks(const vtkTensorRecord &record, SimilarityResult &result);
  bool FromMoments(const vtkTensorRecord &moments, SimilarityResult &result);
  bool Group(const vtkTensorRecord &record, SimilarityResult &result);
  ///@}

  /// What merging would cost; as Compute().
  bool Plan(vtkDataObject *input, const vtkTensorRecord &record, SimilarityResult &result);

  int Metric = PEARSON;
  double Threshold = 0.97;
  int Linkage = COMPLETE;
  int Statistics = SUMMED_MAPS;
  std::string Note;
};

#endif
