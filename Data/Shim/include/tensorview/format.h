/* SPDX-License-Identifier: BSD-3-Clause */
/* The run file, .tvh5, format version 2: one HDF5 file for each training run.
 *
 * Any HDF5 tool reads it; h5py writes it (Testing/Format has a test that does, with no help from
 * our code). Everything is declared before the first step is written, so that the writer can
 * work in single-writer/multiple-reader mode (H5F_LIBVER_LATEST, H5Fstart_swmr_write): the file
 * can be read while it grows and survives the end of its writer at any instant.
 *
 *   path                            what                        type, shape
 *   ------------------------------  --------------------------  ---------------------------------
 *   /                               attribute format            fixed string "TensorView"
 *                                   attribute version           int32, 2
 *                                   attribute part              int32, 1 or more (optional): a
 *                                                               further part of a run, below
 *                                   attribute writer            fixed string, free text (optional)
 *   /layers/<layer>                 group, one for each layer
 *                                   attribute index             int32: its place in the network
 *   /layers/<layer>/<kind>          group, one for each tensor: a stream (below)
 *                                   attribute axes              fixed string, e.g. "oihw": the
 *                                                               axes of values after the first;
 *                                                               "" where there are none
 *   /layers/<layer>/<kind>_statistics
 *                                   stream (optional), a tensor like any other: what is measured of
 *                                   each unit of <kind>
 *                                   values                      float32 [T, units, 8], axes "cx";
 *                                                               the measures, and what each is:
 *                                                               tensorview/measures.h
 *   /layers/<layer>/<kind>_statistics_ranges
 *                                   stream (optional), see Ranges
 *                                   values                      float32 [T, units, columns], "cx"
 *   /layers/<layer>/filters         stream (optional): the state of each filter
 *                                   values                      int32 [T, filters], TV_FILTER_...
 *   /scalars                        stream (optional)
 *                                   values                      float64 [T, names]; NaN where a
 *                                                               scalar has no value at a step
 *                                   attribute names             array of fixed strings, UTF-8
 *   /requests                       stream (optional): what viewers asked the trainer for, and what it
 *                                   answered, at the step of the answer
 *                                   values                      uint8 [T, bytes]: UTF-8, zeros behind
 *                                                               it; a line for each request
 *   /complete                       dataset (optional)          int64 [C, 2 + streams]
 *                                   attribute streams           array of fixed strings, the path
 *                                                               of each stream, in order
 *
 * A stream is a group with two to four datasets, which grow together:
 *
 *   values    [T, ...]   one row for each record, chunked, T unlimited, little-endian, in the axis
 *                        order that axes names, 0 to 8 axes: float16, bfloat16, float32, float64,
 *                        int8, uint8, int32, int64, or bool
 *   steps     [T]        int64, strictly increasing: the step of each record, from 0
 *   samples   [T]        int64 (optional): how many samples the record is the sum of
 *   checks    [T, P]     uint64 (optional): see Checks
 *
 * All are chunked; T is unlimited. bfloat16 is an HDF5 floating-point type of 16 bits: sign at bit
 * 15, 8 bits of exponent at 7 (bias 127), 7 bits of mantissa at 0, implied leading bit. bool is
 * h5py's: an HDF5 enumeration of int8 with FALSE = 0 and TRUE = 1. Deflate, shuffle and fletcher32,
 * the filters that HDF5 itself brings, are allowed. External storage, external links, soft links,
 * virtual datasets and variable-length types are not part of the format, and readers refuse them.
 * A tensor that a reader does not understand costs that tensor, never the run.
 *
 * Names. Of a layer and a scalar: 1 to 255 bytes of UTF-8 without control characters; a layer's may
 * have '/', which makes a hierarchy ("encoder/0/conv"). Of a kind: 1 to 255 of a-z, 0-9, '_', but
 * not "filters". HDF5 has a meaning of its own for '/', "." and "..", so in the name of a layer's
 * group '%' is written "%25", '/' is written "%2F", and a whole name "." or ".." is "%2E" or
 * "%2E%2E"; nothing else is. Readers turn every %XX back. Paths in streams are those of the file.
 *
 * Axes. Any letter a to z, each at most once but 'm', which stands twice or not at all; 'n', the
 * samples of a batch, is summed over and not stored. Letters that mean something:
 *
 *   letter   meaning                                                  role
 *   -------  -------------------------------------------------------  -------------------------
 *   g        groups of a grouped convolution ("goihw" is torch's
 *            [g*o, i, h, w] in memory)                                filter
 *   o        filters (outputs)                                        filter
 *   c        filters of activations, or of a vector                   filter
 *   a        attention heads                                          filter
 *   i        channels (inputs)                                        channel, or a matrix's column
 *   t        positions in a sequence                                  column
 *   d        depth (slices)                                           row
 *   h        rows                                                     row
 *   w        columns                                                  column
 *   q, k     queries, keys                                            row, column
 *   v, e     entries of a vocabulary, features of an embedding        row, column
 *   m m      second moments of filters (see tv_moments in the
 *            sources, Filters/Kernels/moments.h)                      row, column
 *   others   an axis of no known meaning                              row
 *
 *   (1) Several axes of one role count in the order in which they stand, slowest first: of "oidhw"
 *       the rows are d*h.
 *   (2) Filter axes and i, no rows and no columns: a matrix, which is one window, a row for each
 *       output and a column for each input.
 *   (3) No filter axis: i is the filters where it is there; a single axis is the filters, so many
 *       of one pixel; otherwise all is one window.
 *   (4) No column axis: the last of two or more row axes is the column.
 *   (5) No axes at all: one filter of one pixel.
 *
 * What is complete. A file is written at random places, so the extent of a dataset says nothing
 * about what is whole; while it grows, datasets may be longer than what they hold. Each time the
 * writer has flushed the values, steps, samples and checks of every stream it appends a row to
 * /complete: column 0 is the last complete step, column 1 + s the number of complete records of
 * stream s, the last column the check of the row; then it flushes /complete. Readers use the last
 * row whose check is right and all of whose numbers fit the datasets, and ignore whatever lies
 * behind it. Where /complete does not exist (a file from h5py that was closed properly) every
 * stream is complete as it stands; where it has no row yet, nothing is complete. Where it has rows
 * and none is right, or the streams do not agree with it, readers take the longest beginning of the
 * streams on which steps increase and checks are right, and say so.
 *
 * Checks. They are bound to their place, and zeros are never right. Numbers are little-endian, ||
 * is one after the other, XXH3 is XXH3_64bits of xxHash 0.8 (python3-xxhash: xxh3_64_intdigest).
 *
 *   of piece p of record r of a stream, in checks[r, p]:
 *     seed  = XXH3(path || r || p || step || samples)     path in UTF-8, as it is in the file
 *                                                         ("/layers/conv1/weights", "/scalars"),
 *                                                         then four int64; samples 0 without any
 *     check = XXH3 with that seed of the bytes of the piece
 *   of row r of /complete, in its last column, as the int64 of the same bits:
 *     seed  = XXH3("/complete" || r)                      r an int64
 *     check = XXH3 with that seed of the columns before, int64
 *   A check that comes out as 0 is 1.
 *
 * A piece is what one chunk of values has of a record: the whole record (P = 1) where chunks hold
 * whole records; otherwise P is the product, over the record's axes, of ceil(size / chunk), and
 * pieces count in row-major order. Its bytes are the numbers in row-major order without the padding
 * of chunks that reach over the edge, as stored (before deflate and shuffle). Whoever writes no
 * checks may leave the dataset out, and should use fletcher32.
 *
 * Ranges. What pictures of many steps are made of: the least and the greatest that a measure of each
 * unit reaches over a block of records of <kind>_statistics. A record of ranges is written at the step
 * of the block's last record, and its samples say how many records the block has: the last so many up
 * to that step. We write one every 32 records; other numbers are read as well, records may be missing,
 * and what no block covers is read from the records. Columns are pairs, least and greatest, of what is
 * not NaN; NaN where all is. Of the rows of tensorview/measures.h, as float32:
 *
 *   weights       update / rms (0 where update is), rms, mean, zeros, nonfinite
 *   gradients     rms, nonfinite
 *   activations   silent (where that is NaN: 1 where zeros is, else 0), mean, rms, zeros, nonfinite
 *   others        nonfinite
 *
 * Further columns may follow. A unit that is pruned within a block is in it up to
 * the end, so that readers who know states take such blocks from the records.
 *
 * Further parts. What is declared, or first recorded, after the first step was written goes into a
 * further part of the run: beside run.tvh5 stand run.part1.tvh5, run.part2.tvh5, ... Each is a run
 * file of its own, with the attribute part = 1, 2, ..., which declares all that is known then, old
 * and new; the one before it was closed. Records of each stream go on where the part before ended,
 * and no stream has records of one step in two parts. Records count from 0 in each part. Whoever
 * opens run.tvh5 opens its parts as long as the next one exists, is a plain file and says its
 * number; a part that is opened alone is shown alone.
 *
 * Reading while it grows, or after its writer was killed: open with H5F_ACC_RDONLY |
 * H5F_ACC_SWMR_READ (h5py: libver="latest", swmr=True), and limit HDF5's patience with
 * H5Pset_metadata_read_attempts(): what the writer has torn stays torn, and by default HDF5 waits
 * for it in effect for ever. Refresh /complete first, then the streams, then read.
 *
 * Version 1, which readers go on reading, differs in this: names have at most 63 bytes, layers no
 * '/', and nothing is written %XX; tensors have 1 to 4 axes, of o, i, h, w or of c, h, w, or "mm",
 * and are float16, bfloat16, float32 or float64; there is no dataset checks, /complete is int64
 * [C, 1 + streams] without a check, and fletcher32 is what notices damage; there are no parts. A
 * chunk that was still being filled could be stored without its checksum (HDF5's filter mask for
 * the chunk says so). */
#ifndef TENSORVIEW_FORMAT_H
#define TENSORVIEW_FORMAT_H

#include "tensorview/types.h" /* states of filters */

#define TV_FORMAT_NAME "TensorView" /* the root attribute "format" */
#define TV_FORMAT_VERSION 2         /* the root attribute "version" of files that we write */

#endif
