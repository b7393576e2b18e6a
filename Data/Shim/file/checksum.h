/* The checksum of HDF5's fletcher32 filter: the last 4 bytes of a stored chunk, little-endian. */
#ifndef TV_CHECKSUM_H
#define TV_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Fletcher's checksum modulo 65535 of big-endian 16-bit words, as HDF5 computes it since 1.6.3;
 * size is in bytes and must be even. Zero only where all bytes are. */
uint32_t tv_fletcher32(const void *data, size_t size);

#endif
