/* SPDX-License-Identifier: BSD-3-Clause */
/// Where Python finds tensorview_dashboard in ParaView 6: in a folder beside the plugin.
///
/// Until then the plugin itself carries it (PYTHON_MODULES). ParaView 6 takes each module that a
/// plugin carries for a plugin of its own, and cannot load those of a package.
#ifndef TensorViewPackage_h
#define TensorViewPackage_h

/// Called once, when the plugin is loaded, in clients and servers. Does nothing where there is no such
/// folder.
void TensorViewInstallPackage();

#endif
