/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer that records one layer's weights, activations and scalars: what README.md shows. Its
 * network is left to the imagination. */
/* README: from here */
#include <tensorview/tensorview.h>

#include <stdio.h>

static float weights[16 * 1 * 3 * 3], activations[50 * 16 * 28 * 28]; /* stand for your network's */

static float train(int step) /* and this for what it learns */
{
  weights[step] += 0.1f;
  for (int i = 0; i < 50 * 16 * 28 * 28; ++i)
    activations[i] = (float)((i + step) % 11);
  return 2.3f / (1.0f + 0.1f * (float)step);
}

int main(int count, char **arguments)
{
  tv_run *run;
  int w, a;
  if (tv_open(&run, count > 1 ? arguments[1] : "lenet.tvh5", NULL) < 0)
    fprintf(stderr, "%s\n", tv_last_error()); /* and train on: every call below is harmless */
  tv_declare(&w, run, "conv1", "weights", TV_FLOAT32, "oihw", (size_t[]){16, 1, 3, 3});
  tv_declare(&a, run, "conv1", "activations", TV_FLOAT32, "nchw", (size_t[]){50, 16, 28, 28});
  for (int step = 0; step < 100; ++step) {
    float loss = train(step);
    tv_write(run, w, step, weights);
    tv_write(run, a, step, activations); /* summed over the batch of 50 */
    tv_record(run, step, "loss", loss);
  }
  return tv_close(run) < 0;
}
