// Tensor cores: products and loads of a warp's matrices, with the fragments where PTX says that lanes hold them.

namespace rnnc_cpu {

static inline float bits_to_float(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}
// The exponent's offset by a product, which also makes the smallest numbers right.
static inline float half_to_float(unsigned bits) {
  uint32_t sign = (bits & 0x8000u) << 16, size = (bits & 0x7fffu) << 13;
  if (size >= 0x7c00u << 13) return bits_to_float(sign | 0x7f800000u | (size & 0x7fffffu));
  float x = bits_to_float(size) * 0x1p112f;
  return sign ? -x : x;
}
// Element `i` of a fragment whose registers hold two 16-bit numbers, or one of 32 bits.
static inline float element(Matrix type, const unsigned* r, unsigned i) {
  if (type == Matrix::tf32) return bits_to_float(r[i] & 0xffffe000u);
  unsigned bits = r[i / 2] >> (16 * (i & 1)) & 0xffffu;
  return type == Matrix::f16 ? half_to_float(bits) : bits_to_float(bits << 16);
}

// Rows and columns by lane: group = lane / 4, place = lane % 4.
template <Matrix type> static void product(Fiber* const* lanes) {
  constexpr unsigned depth = type == Matrix::tf32 ? 8 : 16;
  typedef float Row __attribute__((vector_size(32)));
  float a[16][16];
  Row b[16], c[16];
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
    for (unsigned i = 0; i < 4; ++i) c[lane / 4 + 8 * (i / 2)][lane % 4 * 2 + (i & 1)] = lanes[lane]->acc[i];
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned k = 0; k < depth; ++k) c[row] += a[row][k] * b[k];
  for (unsigned lane = 0; lane < kWarp; ++lane)
    for (unsigned i = 0; i < 4; ++i) lanes[lane]->acc[i] = c[lane / 4 + 8 * (i / 2)][lane % 4 * 2 + (i & 1)];
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
  switch (lanes[0]->matrix) {
    case (int)Matrix::f16: return product<Matrix::f16>(lanes);
    case (int)Matrix::bf16: return product<Matrix::bf16>(lanes);
    case (int)Matrix::tf32: return product<Matrix::tf32>(lanes);
    default: load_matrices(lanes[0]->matrix == 4, lanes);
  }
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
