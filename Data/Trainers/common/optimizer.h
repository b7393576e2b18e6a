/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of stochastic gradient descent with momentum, and of Adam, as torch.optim defines them. */
#ifndef TRAINER_OPTIMIZER_H
#define TRAINER_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

/* A learned tensor [rows][columns][inner] with all that belongs to each of its numbers:
 * convolution [filters][channels][kernel height x width], fully connected [outputs][filters of
 * the layer before][pixels of each], bias [filters][1][1]. */
typedef struct parameter
{
  size_t rows, columns, inner;
  float *value, *gradient; /* 64-byte aligned */
  float *first;            /* SGD: velocity; Adam: mean of the gradient */
  float *second;           /* Adam: mean of its square */
} parameter;

typedef enum optimizer_kind
{
  OPTIMIZER_SGD,
  OPTIMIZER_ADAM
} optimizer_kind;

typedef struct optimizer
{
  optimizer_kind kind;
  double learning_rate;
  double momentum;     /* SGD: velocity = momentum * velocity + gradient */
  double beta1, beta2; /* Adam: 0.9, 0.999 */
  double epsilon;      /* Adam: 1e-8 */
  double weight_decay; /* g = gradient + weight_decay * w, of weights and biases alike */
  uint64_t steps;      /* taken so far: Adam corrects its means by it */
  int threads;         /* 1: serial; 0: what OpenMP would use */
} optimizer;

/* SGD:  v = momentum v + g,  w = w - rate v.
 * Adam (Kingma and Ba, 2015):  m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
 *   w = w - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon). */
void optimizer_begin_step(optimizer *optimizer); /* once before the parameters of a step */
void optimizer_update(const optimizer *optimizer, parameter *parameter);

/* How many numbers a parameter has. */
static inline size_t parameter_count(const parameter *p)
{
  return p->rows * p->columns * p->inner;
}

/* Zeros of that shape. 0, or a negative tv_status; then nothing is left to free. */
int parameter_create(parameter *parameter, size_t rows, size_t columns, size_t inner);
void parameter_free(parameter *parameter);

#endif
