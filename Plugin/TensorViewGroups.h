/* SPDX-License-Identifier: BSD-3-Clause */
/// Colours of groups, and the legend that lists those that there are.
#ifndef TensorViewGroups_h
#define TensorViewGroups_h

class vtkSMProxy;

/// To be called with the colour map of the array Group when ParaView has made it. From then on its
/// legend lists the groups of the filters that are shown, each with the number of its members, and
/// every group has a colour.
void TensorViewWatchGroups(vtkSMProxy *colourMap);

/// Lists the groups that are shown now.
void TensorViewListGroups(vtkSMProxy *colourMap);

#endif
