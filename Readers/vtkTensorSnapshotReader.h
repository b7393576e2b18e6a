#ifndef vtkTensorSnapshotReader_h
#define vtkTensorSnapshotReader_h

#include "TensorViewReadersModule.h" // for export macro
#include "vtkPartitionedDataSetCollectionAlgorithm.h"

class TENSORVIEWREADERS_EXPORT vtkTensorSnapshotReader
    : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkTensorSnapshotReader *New();
  vtkTypeMacro(vtkTensorSnapshotReader, vtkPartitionedDataSetCollectionAlgorithm);

protected:
  vtkTensorSnapshotReader();
  ~vtkTensorSnapshotReader() override;
};
#endif
