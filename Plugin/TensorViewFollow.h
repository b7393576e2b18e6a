/* SPDX-License-Identifier: BSD-3-Clause */
/// New steps of a file that TensorSnapshotReader follows reach the timeline.
///
/// ParaView asks a live source whether it has something new and renders it, but takes the list of
/// its steps only when it is told to. This tells it so, in the client; where the last step was on
/// the screen, the new last one comes on.
#ifndef TensorViewFollow_h
#define TensorViewFollow_h

/// Called once, when the plugin is loaded. Does nothing in a server.
void TensorViewInstallFollow();

#endif
