/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @class vtkTensorLiveLink
 * @brief the connection to a ParaView that watches, with a pause that cannot hang the training
 *
 * ParaView's own link, asked step by step: Exchange() connects where there is no connection, takes
 * the viewer's wishes and sends what it wants to see. While the viewer has paused, Exchange() is
 * repeated when it changes something (Listen()), and Ask() once a second to see that it still
 * answers: the training stands still only for as long as it does.
 */
#ifndef vtkTensorLiveLink_h
#define vtkTensorLiveLink_h

#include "vtkLiveInsituLink.h"

#include <chrono>
#include <string>

class vtkTensorLiveLink : public vtkLiveInsituLink
{
public:
  static vtkTensorLiveLink *New();
  vtkTypeMacro(vtkTensorLiveLink, vtkLiveInsituLink);

  /// HOST:PORT; what is left out is localhost and 22222.
  void SetAddress(const std::string &url);
  std::string GetAddress() const;

  /// Shows a step. False: nobody is there.
  bool Exchange(int step, double time);

  /// Takes the viewer's wishes (whether it has paused), and sends nothing. False: nobody is there.
  bool Ask(int step, double time);

  /// Waits for the viewer to change something: 1 it has, 0 the time is over, -1 it is gone.
  int Listen(double seconds);

  /// The run is over: says so where whoever listened was no viewer and the run was too short for
  /// the three refusals in a row after which it is said otherwise.
  void Conclude();

  bool GetConnected() const { return this->ExtractsDeliveryHelper != nullptr; }

protected:
  vtkTensorLiveLink();
  ~vtkTensorLiveLink() override;

private:
  vtkTensorLiveLink(const vtkTensorLiveLink &) = delete;
  void operator=(const vtkTensorLiveLink &) = delete;

  bool Connect();
  bool Meet();
  void Introduce(vtkSMSessionProxyManager *manager);
  void TellRefusal();
  bool OnWrongTag(vtkObject *caller, unsigned long event, void *data);

  int Refusals = 0;     // in a row
  bool Refused = false; // at least once
  bool Known = false;   // a viewer was connected at least once
  bool Introduced = false;
  bool Told = false; // that nobody there is one
  std::chrono::steady_clock::time_point NextAttempt;
};

#endif
