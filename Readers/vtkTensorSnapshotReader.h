/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorSnapshotReader
 * @brief reads run files (.tvh5), also while they grow
 *
 * As vtkTensorSourceReader, for the run files of TensorView's own recorder; in ParaView
 * TensorSnapshotReader.
 */
#ifndef vtkTensorSnapshotReader_h
#define vtkTensorSnapshotReader_h

#include "vtkTensorSourceReader.h"

#include <chrono> // for the time of the last look

class TENSORVIEWREADERS_EXPORT vtkTensorSnapshotReader : public vtkTensorSourceReader
{
public:
  static vtkTensorSnapshotReader *New();
  vtkTypeMacro(vtkTensorSnapshotReader, vtkTensorSourceReader);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  /// 1 where the file is a run file, of whatever version, or is named as one (.tvh5): ParaView says
  /// nothing useful of a file that no reader wants, and this one says what is wrong with it. Silent.
  int CanReadFile(const char *name) override;

  ///@{
  /// Off (default): activations of each step as they were recorded. On: their running sum up to the
  /// step, added up in double precision; Samples is then the sum of samples.
  vtkSetMacro(Accumulate, bool);
  vtkGetMacro(Accumulate, bool);
  vtkBooleanMacro(Accumulate, bool);
  ///@}

  ///@{
  /// Whether new steps of files that are still being written are looked for (off), and how often at
  /// most, in seconds (1).
  vtkSetMacro(Follow, bool);
  vtkGetMacro(Follow, bool);
  vtkBooleanMacro(Follow, bool);
  vtkSetClampMacro(FollowInterval, double, 0.05, 3600.0);
  vtkGetMacro(FollowInterval, double);
  ///@}

  /// True where Follow is on and a file has changed since this was last asked. ParaView's client
  /// asks it all the time.
  bool GetNeedsUpdate();

  /// With Follow, later as soon as a file has changed: any update of the pipeline takes new steps
  /// in.
  vtkMTimeType GetMTime() override;

protected:
  vtkTensorSnapshotReader();
  ~vtkTensorSnapshotReader() override;

private:
  vtkTensorSnapshotReader(const vtkTensorSnapshotReader &) = delete;
  void operator=(const vtkTensorSnapshotReader &) = delete;

  void Look();

  double FollowInterval = 1.0;
  std::chrono::steady_clock::time_point Looked; ///< when a change was last looked for
  bool Changed = false;                         ///< since GetNeedsUpdate() was last asked
};

#endif
