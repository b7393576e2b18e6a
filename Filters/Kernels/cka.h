/* SPDX-License-Identifier: BSD-3-Clause */
/* How alike two layers see the same samples, whatever their filters are called or how many they
 * are: linear centred kernel alignment (Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of
 * Neural Network Representations Revisited", equation 3 with linear kernels).
 *
 *   CKA(X, Y) = |Y^T X|^2 / (|X^T X| |Y^T Y|)      Frobenius norms, columns centred
 *
 * With the matrices of products of samples, K = X X^T and L = Y Y^T, centred in rows and columns, it
 * is <K, L> / (|K| |L|): so each layer is read once, and pairs cost samples^2. */
#ifndef TV_CKA_H
#define TV_CKA_H

#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The centred products of a layer's samples. Sums are of double.
 *
 * Returns 0, or TV_ERROR_ARGUMENT for sizes of 0. */
int tv_cka_products(double *products, /* out: [samples][samples] */
  const float *x,                     /* [samples][values]: whatever the layer gives for each */
  size_t samples, size_t values, const tv_execution *execution);

/* CKA of two such matrices, 0 to 1; NaN where a layer gives the same for all samples, or is not
 * finite. */
double tv_cka(const double *one, const double *other, size_t samples);

#ifdef __cplusplus
}
#endif
#endif
