/* SPDX-License-Identifier: BSD-3-Clause */
/* Which name is what. The first row that fits is taken; a name that fits none is a tensor of axes
 * without meaning, and is shown all the same. Letters: the section Axes of tensorview/format.h. */
#include "names.h"

const tv_rule tv_rules[] = {
  /* a part of      the last       axes  kind            letters  offered
     the layer      part           (-1: any)                              */

  /* torch: normalisation, and biases. A weight with one axis is no convolution's. */
  {"", "weight", 1, "weights", "c", 1},
  {"", "bias", 1, "bias", "o", 1},
  {"", "running_mean", 1, "", "c", 1},
  {"", "running_var", 1, "", "c", 1},
  {"", "num_batches_tracked", -1, "", 0, 0},

  /* torch: embeddings, [entries, features] */
  {"emb", "weight", 2, "weights", "ve", 1},
  {"wte", "weight", 2, "weights", "ve", 1},
  {"wpe", "weight", 2, "weights", "ve", 1},

  /* torch: GPT-2's Conv1D is [inputs, outputs], but whoever wrote it with Linear has [outputs,
     inputs] under the same names: "?" asks the shapes (names.c). */
  {"c_attn", "weight", 2, "weights", "?", 1},
  {"c_proj", "weight", 2, "weights", "?", 1},
  {"c_fc", "weight", 2, "weights", "?", 1},

  /* torch: transposed convolutions, as far as their names tell, [inputs, outputs, rows, columns] */
  {"deconv", "weight", 4, "weights", "iohw", 1},
  {"upconv", "weight", 4, "weights", "iohw", 1},
  {"transpose", "weight", 4, "weights", "iohw", 1},

  /* torch: Linear, Conv1d, Conv2d, Conv3d */
  {"", "weight", 2, "weights", "oi", 1},
  {"", "weight", 3, "weights", "oiw", 1},
  {"", "weight", 4, "weights", "oihw", 1},
  {"", "weight", 5, "weights", "oidhw", 1},

  /* torch: MultiheadAttention, LSTM and GRU, weight normalisation, pruning */
  {"", "in_proj_weight", 2, "", "oi", 1},
  {"", "q_proj_weight", 2, "", "oi", 1},
  {"", "k_proj_weight", 2, "", "oi", 1},
  {"", "v_proj_weight", 2, "", "oi", 1},
  {"", "in_proj_bias", 1, "", "o", 1},
  {"", "weight_ih*", 2, "", "oi", 1},
  {"", "weight_hh*", 2, "", "oi", 1},
  {"", "weight_hr*", 2, "", "oi", 1},
  {"", "bias_ih*", 1, "", "o", 1},
  {"", "bias_hh*", 1, "", "o", 1},
  {"", "weight_v", 2, "", "oi", 1},
  {"", "weight_v", 4, "", "oihw", 1},
  {"", "weight_g", 2, "", "oi", 1},
  {"", "weight_g", 4, "", "oihw", 1},
  {"", "weight_orig", 2, "", "oi", 1},
  {"", "weight_orig", 4, "", "oihw", 1},
  {"", "weight_mask", 2, "", "oi", 0},
  {"", "weight_mask", 4, "", "oihw", 0},

  /* Keras: convolutions are [rows, columns, inputs, outputs], Dense [inputs, outputs] */
  {"transpose", "kernel", 4, "weights", "hwoi", 1},
  {"", "kernel", 2, "weights", "io", 1},
  {"", "kernel", 3, "weights", "wio", 1},
  {"", "kernel", 4, "weights", "hwio", 1},
  {"", "kernel", 5, "weights", "dhwio", 1},
  {"", "depthwise_kernel", 4, "weights", "hwgo", 1},
  {"", "pointwise_kernel", 4, "pointwise_weights", "hwio", 1},
  {"", "recurrent_kernel", 2, "", "io", 1},
  {"", "gamma", 1, "", "c", 1},
  {"", "beta", 1, "", "c", 1},
  {"", "moving_mean", 1, "", "c", 1},
  {"", "moving_variance", 1, "", "c", 1},
  {"", "embeddings", 2, "weights", "ve", 1},

  /* Keras 3 numbers the variables of a layer */
  {"batch_normalization", "vars/0", 1, "gamma", "c", 1},
  {"batch_normalization", "vars/1", 1, "beta", "c", 1},
  {"batch_normalization", "vars/2", 1, "moving_mean", "c", 1},
  {"batch_normalization", "vars/3", 1, "moving_variance", "c", 1},
  {"layer_normalization", "vars/0", 1, "gamma", "c", 1},
  {"layer_normalization", "vars/1", 1, "beta", "c", 1},
  {"embedding", "vars/0", 2, "weights", "ve", 1},
  {"depthwise", "vars/0", 4, "weights", "hwgo", 1},
  {"separable", "vars/0", 4, "weights", "hwgo", 1},
  {"separable", "vars/1", 4, "pointwise_weights", "hwio", 1},
  {"separable", "vars/2", 1, "bias", "o", 1},
  {"transpose", "vars/0", 4, "weights", "hwoi", 1},
  {"", "vars/0", 2, "weights", "io", 1},
  {"", "vars/0", 3, "weights", "wio", 1},
  {"", "vars/0", 4, "weights", "hwio", 1},
  {"", "vars/0", 5, "weights", "dhwio", 1},
  {"", "vars/1", 2, "recurrent_kernel", "io", 1},
  {"", "vars/1", 1, "bias", "o", 1},
  {"", "vars/2", 1, "bias", "o", 1},

  /* Keras 1: conv1_W_1:0, conv1_b_1:0 */
  {"", "W*", 2, "weights", "io", 1},
  {"", "W*", 4, "weights", "hwio", 1},
  {"", "b", 1, "bias", "o", 1},
  {"", "b_*", 1, "bias", "o", 1},

  /* Flax */
  {"", "embedding", 2, "weights", "ve", 1},
  {"", "scale", 1, "", "c", 1},
  {"", "mean", 1, "", "c", 1},
  {"", "var", 1, "", "c", 1},

  /* PaddlePaddle: conv2d_0.w_0, batch_norm_0.w_1 */
  {"", "w_0", 1, "weights", "c", 1},
  {"", "w_0", 2, "weights", "io", 1},
  {"", "w_0", 4, "weights", "oihw", 1},
  {"", "w_1", 1, "running_mean", "c", 1},
  {"", "w_2", 1, "running_var", "c", 1},

  /* our own names, and whoever has the same: .npz */
  {"", "weights", 1, "weights", "c", 1},
  {"", "weights", 2, "weights", "oi", 1},
  {"", "weights", 3, "weights", "oiw", 1},
  {"", "weights", 4, "weights", "oihw", 1},
  {"", "weights", 5, "weights", "oidhw", 1},
  {"", "biases", 1, "bias", "o", 1},
};
const size_t tv_rule_count = sizeof tv_rules / sizeof tv_rules[0];

const char *const tv_wrappers[] = {
  /* keys of a torch checkpoint's own dict */
  "state_dict.", "model_state_dict.", "model_state.", "model.", "net.", "network.", "weights.",
  "params.", "module.",
  /* groups of Keras's files, collections of Flax */
  "model_weights/", "layers/", "_layer_checkpoint_dependencies/", "params/"};
const size_t tv_wrapper_count = sizeof tv_wrappers / sizeof tv_wrappers[0];
