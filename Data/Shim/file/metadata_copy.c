/* SPDX-License-Identifier: BSD-3-Clause */
#include "metadata_copy.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define PAGES 1024u

/* The page that an address is in; made where it is not there and `make` says so. NULL: none. */
static char *find_page(tv_metadata_copy *copy, uint64_t address, int make)
{
  const uint64_t region = address / PAGE / PAGES;
  const size_t page = (size_t)(address / PAGE % PAGES);
  if (region >= copy->count) {
    if (!make || region >= SIZE_MAX / (2 * sizeof *copy->regions))
      return NULL;
    const size_t count = (size_t)region + 1 + (size_t)region / 2;
    char ***regions = realloc(copy->regions, count * sizeof *regions);
    if (!regions)
      return NULL;
    memset(regions + copy->count, 0, (count - copy->count) * sizeof *regions);
    copy->regions = regions;
    copy->count = count;
  }
  if (!copy->regions[region] && make)
    copy->regions[region] = calloc(PAGES, sizeof **copy->regions);
  char **pages = copy->regions[region];
  if (pages && !pages[page] && make)
    pages[page] = calloc(1, PAGE);
  return pages ? pages[page] : NULL;
}

int tv_copy_write(tv_metadata_copy *copy, uint64_t address, size_t size, const void *data)
{
  for (const char *from = data; size > 0;) {
    const size_t at = (size_t)(address % PAGE), n = size < PAGE - at ? size : PAGE - at;
    char *page = find_page(copy, address, 1);
    if (!page)
      return -1;
    memcpy(page + at, from, n);
    from += n;
    address += n;
    size -= n;
  }
  return 0;
}

void tv_copy_read(const tv_metadata_copy *copy, uint64_t address, size_t size, void *result)
{
  for (char *to = result; size > 0;) {
    const size_t at = (size_t)(address % PAGE), n = size < PAGE - at ? size : PAGE - at;
    const char *page = find_page((tv_metadata_copy *)copy, address, 0);
    if (page)
      memcpy(to, page + at, n);
    else
      memset(to, 0, n);
    to += n;
    address += n;
    size -= n;
  }
}

void tv_copy_free(tv_metadata_copy *copy)
{
  for (size_t r = 0; r < copy->count; ++r) {
    for (size_t p = 0; copy->regions[r] && p < PAGES; ++p)
      free(copy->regions[r][p]);
    free(copy->regions[r]);
  }
  free(copy->regions);
  *copy = (tv_metadata_copy){NULL, 0};
}
