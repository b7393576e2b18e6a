/* SPDX-License-Identifier: BSD-3-Clause */
/// Colours that stay true: what is on the screen always has a map that fits its values.
///
/// ParaView fits a map when something is shown, and, as we ask it to, at each time step; it does not
/// when a property changes what is shown already. This does, for the grids: after each update by
/// Apply, by a script or by time. A map whose rescaling is off (Never) is left alone.
#ifndef TensorViewColours_h
#define TensorViewColours_h

class vtkSMProxy;
class vtkSMSourceProxy;

/// The grid that a representation shows, with the number of the output; null where that is something
/// else.
vtkSMSourceProxy *TensorViewShownGrid(vtkSMProxy *representation, int *port = nullptr);

/// To be called with each new source.
void TensorViewWatchColours(vtkSMProxy *source);

/// To be called with each new representation: numbers and frames are drawn in their own colours.
void TensorViewDrawMarks(vtkSMProxy *representation);

/// Calls back whenever a property of the proxy changes.
void TensorViewWatch(vtkSMProxy *proxy,
  void (*callback)(class vtkObject *, unsigned long, void *, void *), void *data);

#endif
