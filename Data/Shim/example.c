/* A training loop that records one layer's weights, activations and scalars. Compiles, runs, and
 * is what README.md shows; the network is left to the imagination. */
#include <stdlib.h>

static float weights[16 * 1 * 3 * 3], activations[50 * 16 * 28 * 28];

static float train(int step)
{
  for (size_t i = 0; i < sizeof weights / sizeof *weights; ++i)
    weights[i] += 0.01f * (float)((i * 7 + (size_t)step * 13) % 21) - 0.1f;
  for (size_t i = 0; i < sizeof activations / sizeof *activations; ++i)
    activations[i] = (float)((i + (size_t)step) % 11);
  return 2.3f / (1.0f + 0.1f * (float)step);
}

/* README: from here */
#include <tensorview.h>

#include <stdio.h>

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
