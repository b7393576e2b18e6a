/* SPDX-License-Identifier: BSD-3-Clause */
/* From similar filters to fewer filters: looks at a layer's statistics and merges what they say
 * is the same. The mathematics is in Filters/Kernels: correlate, group, moments, merge. */
#ifndef TRAINER_PRUNING_H
#define TRAINER_PRUNING_H

#include "group.h"
#include "merge.h"
#include "network.h"
#include "statistics.h"

#include <tensorview/request.h>

typedef enum pruning_similarity
{
  SIMILARITY_MAPS,   /* of the maps summed over a batch, as in the paper and in the views */
  SIMILARITY_MOMENTS /* of every pixel of every sample */
} pruning_similarity;

typedef struct pruning_options
{
  double threshold;
  tv_linkage linkage;
  pruning_similarity similarity; /* layers without maps always use moments */
  tv_merge_way way;
  double bound;  /* largest residual of a filter that is merged, relative to its variance */
  int dead;      /* 1: constant filters are removed, too */
  size_t number; /* how many filters to keep; 0: as the threshold says */
} pruning_options;

/* What one look at a layer led to; arrays of [filters] before it. */
typedef struct pruning_result
{
  size_t filters, kept, kept_back; /* kept_back: similar, but over the bound */
  unsigned char *keep, *dead;
  size_t *places; /* which of the layer's declared filters each is */
  int32_t *representatives;
  double *residuals;
} pruning_result;

/* The names of the enumerations on a command line, as arguments.h calls them. */
int pruning_read_way(void *tv_merge_way, const char *text);   /* remove sum affine reconstruct */
int pruning_read_linkage(void *tv_linkage, const char *text); /* complete single */
int pruning_read_similarity(void *pruning_similarity, const char *text); /* maps moments */

/* Decides which filters of a layer go, and merges them, unless nothing is to go. The result's
 * arrays are the caller's to free with pruning_free(), also after a failure. */
int pruning_apply(pruning_result *result, network *network, size_t layer,
  const layer_statistics *statistics, const pruning_options *options);

/* The same, where a viewer says which filters go, by their places; the way and the bound are those of
 * the options. TV_ERROR_ARGUMENT, and nothing is changed, where they are not there any more. */
int pruning_merge(pruning_result *result, network *network, size_t layer,
  const layer_statistics *statistics, const pruning_options *options, const tv_request *request);
void pruning_free(pruning_result *result);

/* Brings the states of a layer's declared filters (codes in tensorview/format.h) up to date.
 * Filters that were merged into one that now goes follow it. */
void pruning_states(
  int32_t *states, size_t declared, const pruning_result *result, tv_merge_way way);

#endif
