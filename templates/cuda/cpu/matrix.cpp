// Tensor cores: products and loads of a warp's matrices, with the fragments where PTX says that lanes hold them.

namespace rnnc_cpu {

static float half_to_float(unsigned bits) {
  uint32_t sign = (bits & 0x8000u) << 16, size = bits & 0x7fffu, u;
  float x;
  if (size < 0x400u) {
    x = (float)size * 0x1p-24f;
    return sign ? -x : x;
  }
  u = sign | (size >= 0x7c00u ? 0x7f800000u | (size & 0x3ffu) << 13 : (size << 13) + 0x38000000u);
  memcpy(&x, &u, 4);
  return x;
}
static float bits_to_float(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}
// Element `i` of a fragment whose registers hold two 16-bit numbers, or one of 32 bits.
static float element(Matrix type, const unsigned* r, unsigned i) {
  if (type == Matrix::tf32) return bits_to_float(r[i] & 0xffffe000u);
  unsigned bits = r[i / 2] >> (16 * (i & 1)) & 0xffffu;
  return type == Matrix::f16 ? half_to_float(bits) : bits_to_float(bits << 16);
}

// Rows and columns by lane: group = lane / 4, place = lane % 4.
static void product(Matrix type, Fiber* const* lanes) {
  const unsigned depth = type == Matrix::tf32 ? 8 : 16;
  float a[16][16], b[16][8];
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    unsigned group = lane / 4, place = lane % 4;
    for (unsigned i = 0; i < depth / 2; ++i) {
      unsigned row = type == Matrix::tf32 ? group + 8 * (i & 1) : group + 8 * (i / 2 & 1);
      unsigned k = type == Matrix::tf32 ? place + 4 * (i / 2) : place * 2 + (i & 1) + 8 * (i / 4);
      a[row][k] = element(type, lanes[lane]->a, i);
    }
    for (unsigned i = 0; i < depth / 4; ++i) {
      unsigned k = type == Matrix::tf32 ? place + 4 * i : place * 2 + (i & 1) + 8 * (i / 2);
      b[k][group] = element(type, lanes[lane]->b, i);
    }
  }
  for (unsigned lane = 0; lane < kWarp; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + (i & 1);
      float sum = lanes[lane]->acc[i];
      for (unsigned k = 0; k < depth; ++k) sum += a[row][k] * b[k][column];
      lanes[lane]->acc[i] = sum;
    }
}

static void load_matrices(bool transposed, Fiber* const* lanes) {
  for (unsigned m = 0; m < 4; ++m)
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      uint16_t pair[2];
      for (unsigned i = 0; i < 2; ++i) {
        unsigned row = transposed ? lane % 4 * 2 + i : lane / 4, column = transposed ? lane / 4 : lane % 4 * 2 + i;
        memcpy(&pair[i], reinterpret_cast<const char*>(lanes[8 * m + row]->a) + 2 * column, 2);
      }
      lanes[lane]->r[m] = pair[0] | (unsigned)pair[1] << 16;
    }
}

void carry_out_matrix(Fiber* const* lanes) {
  if (lanes[0]->matrix < 3)
    product((Matrix)lanes[0]->matrix, lanes);
  else
    load_matrices(lanes[0]->matrix == 4, lanes);
}

void warp_product(Matrix type, float* acc, const unsigned* a, const unsigned* b, int line) {
  Fiber* self = run->current;
  self->matrix = (int)type;
  self->mask = 0xffffffffu;
  self->acc = acc;
  self->a = a;
  self->b = b;
  arrive_at_warp(line);
}

void warp_load_matrices(unsigned* r, const void* row, bool transposed, int line) {
  Fiber* self = run->current;
  self->line = line;
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0)
    fail(Fault::alignment, at_line(line), "a row of ldmatrix whose address is no multiple of 16");
  check_access(row, 16, false, false, at_line(line));
  Region* region = region_of(row);
  if (region == nullptr || region->block != self->block)
    fail(Fault::bounds, at_line(line), "a row of ldmatrix that is not in the block's shared memory");
  self->matrix = transposed ? 4 : 3;
  self->mask = 0xffffffffu;
  self->r = r;
  self->a = static_cast<const unsigned*>(row);
  arrive_at_warp(line);
}

}  // namespace rnnc_cpu
