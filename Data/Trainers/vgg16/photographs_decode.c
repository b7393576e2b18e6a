/* SPDX-License-Identifier: BSD-3-Clause */
#include "photographs_decode.h"
#include "status.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* these need stdio before them */
#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

enum
{
  MOST_PIXELS = 200 * 1000 * 1000 /* a file of a few bytes can declare many more */
};

typedef struct jpeg_failure
{
  struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
  jmp_buf back;
  int damaged;
} jpeg_failure;

static void jpeg_stop(j_common_ptr jpeg)
{
  longjmp(((jpeg_failure *)jpeg->err)->back, 1);
}

/* libjpeg fills what is missing with grey and only warns: that would be drawn as if it were true.
 */
static void jpeg_warn(j_common_ptr jpeg, int level)
{
  jpeg_failure *failure = (jpeg_failure *)jpeg->err;
  const int code = failure->manager.msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
    failure->damaged = 1;
}

static int decode_jpeg(photograph_pixels *pixels, FILE *file, const char *path, size_t shorter)
{
  struct jpeg_decompress_struct jpeg;
  jpeg_failure failure;
  unsigned char *volatile rgb = NULL; /* survives longjmp */
  jpeg.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = jpeg_stop;
  failure.manager.emit_message = jpeg_warn;
  failure.damaged = 0;
  if (setjmp(failure.back)) {
    char why[JMSG_LENGTH_MAX];
    jpeg.err->format_message((j_common_ptr)&jpeg, why);
    jpeg_destroy_decompress(&jpeg);
    free(rgb);
    return tv_fail(TV_ERROR_FORMAT, "%s: is not a JPEG photograph that can be read: %s", path, why);
  }
  jpeg_create_decompress(&jpeg);
  jpeg_stdio_src(&jpeg, file);
  jpeg_read_header(&jpeg, TRUE);
  int status = 0;
  const size_t least = jpeg.image_width < jpeg.image_height ? jpeg.image_width : jpeg.image_height;
  if ((uint64_t)jpeg.image_width * jpeg.image_height > MOST_PIXELS) {
    status = tv_fail(TV_ERROR_UNSUPPORTED, "%s: has more than 200 million pixels", path);
  } else if (jpeg.num_components != 1 && jpeg.num_components != 3) {
    status = tv_fail(
      TV_ERROR_UNSUPPORTED, "%s: has %d colour components, not 1 or 3", path, jpeg.num_components);
  } else {
    jpeg.out_color_space = JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg.scale_num = 1;
    jpeg.scale_denom = 1;
    while (jpeg.scale_denom < 8 && least / (2 * jpeg.scale_denom) >= shorter)
      jpeg.scale_denom *= 2;
    jpeg_start_decompress(&jpeg);
    const size_t row = 3 * (size_t)jpeg.output_width;
    rgb = malloc(row * jpeg.output_height);
    if (!rgb)
      status = tv_fail(TV_ERROR_MEMORY, "%s: no memory for its pixels", path);
    while (rgb && jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW line = rgb + row * jpeg.output_scanline;
      jpeg_read_scanlines(&jpeg, &line, 1);
    }
    pixels->width = jpeg.output_width;
    pixels->height = jpeg.output_height;
    if (!status && failure.damaged)
      status = tv_fail(TV_ERROR_FORMAT, "%s: is damaged or cut off", path);
  }
  jpeg_destroy_decompress(&jpeg);
  if (status)
    free(rgb);
  else
    pixels->rgb = rgb;
  return status;
}

static int decode_png(photograph_pixels *pixels, FILE *file, const char *path)
{
  static const png_color white = {255, 255, 255};
  png_image png;
  memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_stdio(&png, file))
    return tv_fail(
      TV_ERROR_FORMAT, "%s: is not a PNG picture that can be read: %s", path, png.message);
  png.format = PNG_FORMAT_RGB;
  if ((uint64_t)png.width * png.height > MOST_PIXELS) {
    png_image_free(&png);
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s: has more than 200 million pixels", path);
  }
  unsigned char *rgb = malloc(PNG_IMAGE_SIZE(png));
  if (!rgb) {
    png_image_free(&png);
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for its pixels", path);
  }
  if (!png_image_finish_read(&png, &white, rgb, 0, NULL)) {
    free(rgb);
    return tv_fail(TV_ERROR_FORMAT, "%s: is damaged or cut off: %s", path, png.message);
  }
  pixels->rgb = rgb;
  pixels->width = png.width;
  pixels->height = png.height;
  return 0;
}

int photograph_decode(photograph_pixels *pixels, const char *path, size_t shorter)
{
  unsigned char head[8] = {0};
  memset(pixels, 0, sizeof *pixels);
  FILE *file = fopen(path, "rb");
  if (!file)
    return tv_fail(TV_ERROR_FILE, "%s: cannot be opened", path);
  const size_t bytes = fread(head, 1, sizeof head, file);
  rewind(file);
  int status;
  if (bytes > 2 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff)
    status = decode_jpeg(pixels, file, path, shorter);
  else if (bytes == sizeof head && !memcmp(head, "\x89PNG\r\n\x1a\n", 8))
    status = decode_png(pixels, file, path);
  else
    status = tv_fail(TV_ERROR_FORMAT, "%s: is neither JPEG nor PNG", path);
  fclose(file);
  return status;
}
