/* The run file, .tvh5, format version 1: one HDF5 file for each training run.
 *
 * Any HDF5 tool reads it; h5py writes it (Testing/Format has a test that does, with no help from
 * our code). Everything is declared before the first step is written, so that the writer can
 * work in single-writer/multiple-reader mode (H5F_LIBVER_LATEST, H5Fstart_swmr_write): the file
 * can be read while it grows and survives the end of its writer at any instant.
 *
 *   path                            what                        type, shape
 *   ------------------------------  --------------------------  ---------------------------------
 *   /                               attribute format            fixed string "TensorView"
 *                                   attribute version           int32, 1
 *                                   attribute writer            fixed string, free text (optional)
 *   /layers/<layer>                 group, one for each layer
 *                                   attribute index             int32: its place in the network
 *   /layers/<layer>/<kind>          group, one for each tensor: a stream (below)
 *                                   attribute axes              fixed string, e.g. "oihw": the
 *                                                               axes of values after the first
 *   /layers/<layer>/filters         stream (optional): the state of each filter
 *                                   values                      int32 [T, filters], codes below
 *   /scalars                        stream (optional)
 *                                   values                      float64 [T, names]; NaN where a
 *                                                               scalar has no value at a step
 *                                   attribute names             array of fixed strings, UTF-8
 *   /complete                       dataset (optional)          int64 [C, 1 + streams]
 *                                   attribute streams           array of fixed strings, the path
 *                                                               of each stream, in order
 *
 * A stream is a group with two datasets, and a third for batches, which grow together:
 *
 *   values    [T, ...]   one row for each record, chunked, T unlimited; float16, bfloat16,
 *                        float32 or float64, little-endian, in the axis order that axes names
 *   steps     [T]        int64, strictly increasing: the step of each record, from 0
 *   samples   [T]        int64 (optional): how many samples the record is the sum of
 *
 * Axes: o filters (outputs), i channels (inputs), c filters of activations, h rows, w columns.
 * Weights "oihw", "hwio", "oi", "io" or any other order of o, i, h, w; activations "chw", "hwc",
 * "c"; bias "o"; and for second moments "mm" (kind "moments", see tv_moments in Filters/Kernels).
 *
 * bfloat16 is an HDF5 floating-point type of 16 bits: sign at bit 15, 8 bits of exponent at 7
 * (bias 127), 7 bits of mantissa at 0, implied leading bit. HDF5 and h5py convert it like any
 * other; it reads as float32.
 *
 * values carry HDF5's own checksum (the fletcher32 filter); other filters that HDF5 itself brings
 * (deflate, shuffle) are allowed. External storage, external links, soft links, virtual datasets
 * and variable-length types are not part of the format, and readers refuse them. A chunk that is
 * still being filled may be stored without its checksum (HDF5's filter mask for the chunk says
 * so): a writer that fills it further in place cannot then make it invalid by dying. The shim puts
 * the checksum there when the chunk is full, or the file is closed.
 *
 * What is complete. A file is written at random places, so the extent of a dataset says nothing
 * about what is whole. Each time the writer has flushed the values, steps and samples of every
 * stream it appends a row to /complete: column 0 is the last complete step, column 1 + s the
 * number of complete records of stream s; then it flushes /complete. Readers use the last row all
 * of whose numbers fit the datasets, and ignore whatever lies behind it. Where /complete does not
 * exist (a file from h5py that was closed properly) every stream is complete as it stands; where it
 * has no row yet, nothing is complete.
 *
 * Reading while it grows, or after its writer was killed: open with H5F_ACC_RDONLY |
 * H5F_ACC_SWMR_READ (h5py: libver="latest", swmr=True), and limit HDF5's patience with
 * H5Pset_metadata_read_attempts(): what the writer has torn stays torn, and by default HDF5 waits
 * for it in effect for ever. Refresh /complete first, then the streams, then read. */
#ifndef TENSORVIEW_FORMAT_H
#define TENSORVIEW_FORMAT_H

#include "tensorview/types.h" /* states of filters */

#define TV_FORMAT_NAME "TensorView" /* the root attribute "format" */
#define TV_FORMAT_VERSION 1         /* the root attribute "version" */

#endif
