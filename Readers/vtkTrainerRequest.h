/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTrainerRequest
 * @brief asks a training that goes on to merge filters, and hears what it answers
 *
 * tensorview/request.h as a proxy of ParaView's, so that a client asks on the machine where the
 * training is. Nothing here waits: Ask() leaves the request, and State says, whenever it is looked at,
 * what has become of it. Of several ranks the first one asks.
 */
#ifndef vtkTrainerRequest_h
#define vtkTrainerRequest_h

#include "TensorViewReadersModule.h"
#include "vtkObject.h"

#include <string>
#include <utility>
#include <vector>

struct tv_asking;

class TENSORVIEWREADERS_EXPORT vtkTrainerRequest : public vtkObject
{
public:
  static vtkTrainerRequest *New();
  vtkTypeMacro(vtkTrainerRequest, vtkObject);
  void PrintSelf(ostream &os, vtkIndent indent) override;

  enum StateType
  {
    NOT_ASKED = 0,
    WAITING = 1, ///< for the answer
    ACCEPTED = 2,
    REFUSED = 3,
    FAILED = 4 ///< nobody listens, or the training has ended: Answer says what
  };

  ///@{
  /// The training's name in shared memory (its channel), and the layer.
  vtkSetStdStringFromCharMacro(Channel);
  vtkGetCharFromStdStringMacro(Channel);
  vtkSetStdStringFromCharMacro(Layer);
  vtkGetCharFromStdStringMacro(Layer);
  ///@}

  ///@{
  /// A filter that is to go, and the one that is to stand in for it.
  void AddMerge(int filter, int into);
  void RemoveAllMerges();
  ///@}

  /// Leaves the request.
  void Ask();

  /// Lets go of it: what was not answered is withdrawn.
  void Withdraw();

  /// Looks whether there is an answer; see StateType.
  int GetState();

  /// What the trainer answered; or, where it has not, why.
  const char *GetAnswer();

protected:
  vtkTrainerRequest();
  ~vtkTrainerRequest() override;

private:
  vtkTrainerRequest(const vtkTrainerRequest &) = delete;
  void operator=(const vtkTrainerRequest &) = delete;

  void Fail();

  std::string Channel, Layer, Answer;
  std::vector<std::pair<int, int>> Merges;
  tv_asking *Asking = nullptr;
  int State = NOT_ASKED;
};

#endif
