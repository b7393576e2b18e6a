/* SPDX-License-Identifier: BSD-3-Clause */
#include "optimizer.h"

#include "execution.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below this a second thread costs more than it saves. */
#define NUMBERS_PER_THREAD 65536

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
  !defined(__SANITIZE_ADDRESS__)
#define VECTORISED __attribute__((target_clones("avx512f", "avx2,fma", "default")))
#else
#define VECTORISED
#endif

VECTORISED static void sgd(float *restrict w, const float *restrict g, float *restrict v, size_t n,
  float rate, float momentum, float decay)
{
  for (size_t i = 0; i < n; ++i) {
    v[i] = momentum * v[i] + (g[i] + decay * w[i]);
    w[i] -= rate * v[i];
  }
}

VECTORISED static void adam(float *restrict w, const float *restrict g, float *restrict m,
  float *restrict v, size_t n, const float *restrict c)
{
  const float beta1 = c[0], rest1 = c[1], beta2 = c[2], rest2 = c[3], rate = c[4], scale = c[5],
              epsilon = c[6], decay = c[7];
  for (size_t i = 0; i < n; ++i) {
    const float gradient = g[i] + decay * w[i];
    m[i] = beta1 * m[i] + rest1 * gradient;
    v[i] = beta2 * v[i] + rest2 * gradient * gradient;
    w[i] -= rate * m[i] / (sqrtf(v[i]) * scale + epsilon);
  }
}

void optimizer_begin_step(optimizer *o)
{
  ++o->steps;
}

void optimizer_update(const optimizer *o, parameter *p)
{
  const size_t count = parameter_count(p);
  const double t = (double)o->steps;
  const float c[8] = {(float)o->beta1, (float)(1 - o->beta1), (float)o->beta2,
    (float)(1 - o->beta2), (float)(o->learning_rate / (1 - pow(o->beta1, t))),
    (float)(1 / sqrt(1 - pow(o->beta2, t))), (float)o->epsilon, (float)o->weight_decay};
  size_t parts = (size_t)tv_execution_threads(&(tv_execution){o->threads, NULL, NULL});
  if (parts > count / NUMBERS_PER_THREAD)
    parts = count / NUMBERS_PER_THREAD;
  if (parts < 1)
    parts = 1;
#pragma omp parallel for num_threads(parts) if (parts > 1)
  for (size_t part = 0; part < parts; ++part) {
    const size_t from = count * part / parts, n = count * (part + 1) / parts - from;
    if (o->kind == OPTIMIZER_SGD)
      sgd(p->value + from, p->gradient + from, p->first + from, n, (float)o->learning_rate,
        (float)o->momentum, (float)o->weight_decay);
    else
      adam(p->value + from, p->gradient + from, p->first + from, p->second + from, n, c);
  }
}

int parameter_create(parameter *p, size_t rows, size_t columns, size_t inner)
{
  int overflow = 0;
  size_t bytes = tv_multiply(tv_multiply(rows, columns, &overflow), inner, &overflow);
  bytes = tv_multiply(bytes, 4 * sizeof(float), &overflow);
  memset(p, 0, sizeof *p);
  if (overflow || bytes > SIZE_MAX / 2)
    return tv_fail(
      TV_ERROR_ARGUMENT, "a layer of %zu x %zu x %zu weights is too large", rows, columns, inner);
  bytes = (bytes / 4 + 63) / 64 * 64;
  float **const parts[] = {&p->value, &p->gradient, &p->first, &p->second};
  for (int i = 0; i < 4; ++i) {
    if (!(*parts[i] = aligned_alloc(64, bytes))) {
      parameter_free(p);
      return tv_fail(
        TV_ERROR_MEMORY, "no memory for a layer of %zu x %zu x %zu weights", rows, columns, inner);
    }
    memset(*parts[i], 0, bytes);
  }
  p->rows = rows;
  p->columns = columns;
  p->inner = inner;
  return TV_OK;
}

void parameter_free(parameter *p)
{
  free(p->value);
  free(p->gradient);
  free(p->first);
  free(p->second);
  memset(p, 0, sizeof *p);
}
