/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What TensorView's arrays look like before anybody has chosen anything: our colour presets
 * (Presets/TensorView.json), which array gets which (Presets/defaults.json), and ranges that are
 * symmetric about zero for weights, so that zero is white.
 *
 * ParaView keeps one colour map for each array name, so this touches arrays of these names only:
 * Weight, Gradient, Bias, Activation, Correlation, Step, Group. What a user saved as default for
 * one of them wins over ours.
 */
#ifndef TensorViewDefaults_h
#define TensorViewDefaults_h

/// Called by ParaView when it loads the plugin, in the client, in pvpython and on servers (where
/// there is nothing to do).
void TensorViewInstallDefaults();

#endif
