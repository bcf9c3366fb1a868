// Weights that stay in registers for all steps: of each product of a kernel the first of its k, as many as the plan
// says, at each of a team's heads. The compiler must know the numbers, since registers have no addresses. A worker (a thread of full numbers, a warp
// with fragments) holds `wide` groups of columns and `deep` steps of k, `part` of them in one chunk; its neighbours hold the
// other columns, and then those of the other `splits`. Workers that are left hold copies, for other rows.

// Where any are kept, all others are in shared memory; `rest` says whether a product has others.
template <int product> struct InRegisters {
  static constexpr int heads = 1, wide = 1, deep = 0, part = 1;
  static constexpr bool rest = true, staged = true;
};

// What a worker holds of one step of k, and what it adds to the sums.
template <typename I> struct Holding {
  struct Piece { I x[4]; };
  static constexpr int unit = 1, threads = 1, across = 4;
  __device__ static __forceinline__ Piece piece(const I* weights, int k, int column, int wide, int) {
    const I* const at = weights + k * wide + column;
    return {{at[0], at[1], at[2], at[3]}};
  }
  template <int TALL, int WIDE> struct Total {
    I x[TALL][WIDE][4];
    __device__ __forceinline__ void zero() {
#pragma unroll
      for (int i = 0; i < TALL * WIDE * 4; ++i) x[i / (WIDE * 4)][i / 4 % WIDE][i % 4] = 0;
    }
    struct Rows {
      const I* at;
      int line;
      __device__ __forceinline__ Rows(const I* lefts, int line, int row, int) : at(lefts + row * line), line(line) {}
    };
    __device__ __forceinline__ void add(const Rows& rows, int k, const Piece (&held)[WIDE]) {
#pragma unroll
      for (int r = 0; r < TALL; ++r) {
        const I a = rows.at[r * rows.line + k];
#pragma unroll
        for (int i = 0; i < WIDE * 4; ++i) x[r][i / 4][i % 4] = fma_(a, held[i / 4].x[i % 4], x[r][i / 4][i % 4]);
      }
    }
    __device__ __forceinline__ void store(I* sums, bool first, int wide, int, int f) {
#pragma unroll
      for (int i = 0; i < TALL * 4; ++i) {
        I* const sum = sums + i / 4 * wide + i % 4;
        *sum = first ? x[i / 4][f][i % 4] : *sum + x[i / 4][f][i % 4];
      }
    }
  };
};
template <typename I> struct HoldingFragments {
  struct Piece { unsigned x[4]; };
  static constexpr int unit = Fragments<I>::deep, threads = 32, across = 16;
  __device__ static __forceinline__ Piece piece(const I* weights, int k, int column, int wide, int inner) {
    Piece held;
    columns_at(held.x, weights + column * Lying<I>::line(inner) + k, Lying<I>::line(inner), wide - column);
    return held;
  }
  template <int TALL, int WIDE> struct Total {
    static constexpr int tiles = TALL / 8;
    float x[WIDE][tiles][4];
    __device__ __forceinline__ void zero() {
#pragma unroll
      for (int i = 0; i < WIDE * tiles * 4; ++i) x[i / (tiles * 4)][i / 4 % tiles][i % 4] = 0;
    }
    struct Rows {
      const I* at[tiles];
      template <typename L> __device__ __forceinline__ Rows(const I* lefts, L line, int row, int rows) {
#pragma unroll
        for (int t = 0; t < tiles; ++t) at[t] = lane_of_rows(lefts, line, row + t * 8, rows);
      }
    };
    __device__ __forceinline__ void add(const Rows& rows, int k, const Piece (&held)[WIDE]) {
#pragma unroll
      for (int t = 0; t < tiles; ++t) {
        unsigned found[2];
        rows_at(found, rows.at[t] + k);
#pragma unroll
        for (int f = 0; f < WIDE; ++f) Fragments<I>::add(x[f][t], held[f].x, found);
      }
    }
    __device__ __forceinline__ void store(float* sums, bool first, int line, int there, int f) {
#pragma unroll
      for (int t = 0; t < tiles; ++t) put_sums(sums + t * 8 * line, first, line, there, x[f][t]);
    }
  };
};
template <> struct Holding<f16> : HoldingFragments<f16> {};
template <> struct Holding<bf16> : HoldingFragments<bf16> {};
template <> struct Holding<tf32> : HoldingFragments<tf32> {};

template <typename I, typename Plan> struct Kept {
  typedef Holding<I> H;
  static constexpr int deep = Plan::deep, across = H::across * Plan::wide;
  static constexpr bool rest = Plan::rest, staged = Plan::staged;
  static constexpr int parts = (deep + Plan::part - 1) / Plan::part;
  typename H::Piece at[deep > 0 ? Plan::heads * deep : 1][Plan::wide];

  // How many of the first k of a head stay here.
  __device__ static __forceinline__ int near(Places p, int inner) {
    const int all = deep * p.splits * H::unit;
    return all < inner ? all : inner;
  }

  // All of shared memory is there for the weights on their way, as many steps at once as it holds.
  template <typename Weight>
  __device__ __forceinline__ void fill(
      unsigned char* smem, Places p, int inner, int columns, Weight weight, int head) {
    if constexpr (deep > 0) {
      const int wide = up_to(columns, Lying<I>::across), slab = p.splits * H::unit, all = near(p, inner);
      const int room = (p.stage / (int)sizeof(I) / wide - Lying<I>::line(0)) / slab, most = room > 1 ? room : 1;
      const Place place(p, wide);
      for (int first = 0; first < deep; first += most) {
        const int length = all - first * slab < most * slab ? all - first * slab : most * slab;
        __syncthreads();
        fill_weights((I*)smem, first * slab, length, columns, weight);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < Plan::heads * deep; ++i) {
          const int s = i % deep, k = ((s - first) * p.splits + place.split) * H::unit;
          if (i / deep != head || s < first || s >= first + most) continue;
#pragma unroll
          for (int f = 0; f < Plan::wide; ++f) {
            const int column = place.column + f * H::across;
            const bool there = k < length && column < wide && place.copy < place.copies;
            at[i][f] = there ? H::piece((const I*)smem, k, column, wide, length) : typename H::Piece{};
          }
        }
      }
      __syncthreads();
    }
  }

  // Part `which` of all heads' parts, one after the other. It has no branches, so that loads run ahead. (Not a loop, of
  // which the compiler would make one part with an index.)
  template <int i, typename Total>
  __device__ __forceinline__ void add_part(
      Total& total, int which, int inner, int splits, int split, const typename Total::Rows& rows) const {
    if (which == i) {
      constexpr int from = i % parts * Plan::part;
#pragma unroll
      for (int s = from; s < deep && s < from + Plan::part; ++s) {
        if (s == deep - 1 && (s * splits + split) * H::unit >= inner) continue;
        total.add(rows, ((s - from) * splits + split) * H::unit, at[i / parts * deep + s]);
      }
    } else if constexpr (i + 1 < Plan::heads * parts) {
      add_part<i + 1>(total, which, inner, splits, split, rows);
    }
  }

  // What chunk `number` of a head adds to the sums, whose lefts are `line` apart; there are `rows` of them.
  template <int TALL, typename N, typename L>
  __device__ __forceinline__ void add(
      N* sums, bool first, Places p, int tall, int wide, int inner, L line, const I* lefts, int rows, int number,
      int head) const {
    typedef typename H::template Total<TALL, Plan::wide> Total;
    const Place place(p, wide);
    if (place.copy >= place.copies) return;
    for (int row = place.copy * TALL; row < tall; row += place.copies * TALL) {
      Total total;
      total.zero();
      const typename Total::Rows from(lefts, line, row, rows);
      add_part<0>(total, head * parts + number, inner, p.splits, place.split, from);
      const int across = Lying<I>::sums(wide);
      N* const sum = sums + (place.split * tall + row) * across + place.column;
#pragma unroll
      for (int f = 0; f < Plan::wide; ++f) {
        const int there = wide - place.column - f * H::across;
        if (there > 0) total.store(sum + f * H::across, first, across, there, f);
      }
    }
  }
  template <typename N>
  __device__ __forceinline__ void chunk(
      N* sums, bool first, Places p, int tall, int wide, int inner, int line, const I* lefts, int number,
      int head) const {
    if constexpr (deep > 0) {
      if constexpr (H::unit > 1) {
        if (tall < 16) add<8>(sums, first, p, tall, wide, inner, line, lefts, tall, number, head);
        else add<16>(sums, first, p, tall, wide, inner, line, lefts, tall, number, head);
      } else if (tall < 4) add<1>(sums, first, p, tall, wide, inner, line, lefts, tall, number, head);
      else add<4>(sums, first, p, tall, wide, inner, line, lefts, tall, number, head);
    }
  }

  // All of a product in one piece from memory: where weights are all in registers, and rows so few that a warp takes
  // them at once, whole numbers of fragments, each at an address that a lane can load two registers from.
  static constexpr bool alone = deep > 0 && !rest && parts == 1 && H::unit > 1;
  __device__ static __forceinline__ bool reaches(const Left<I>& left, int tall, int inner) {
    const long long places = (long long)left.at | left.stride * (long long)sizeof(I);
    return tall <= 16 && inner % H::unit == 0 && places % (long long)sizeof(TwoRegisters) == 0;
  }
  template <typename N>
  __device__ __forceinline__ void take(
      N* sums, Places p, int tall, int wide, int inner, const Left<I>& left, int rows, int head) const {
    if (tall < 16) add<8>(sums, true, p, tall, wide, inner, left.stride, left.at, rows, 0, head);
    else add<16>(sums, true, p, tall, wide, inner, left.stride, left.at, rows, 0, head);
  }

 private:
  struct Place {
    int column, split, copy, copies;
    __device__ __forceinline__ Place(Places p, int wide) {
      const int worker = threadIdx.x / H::threads, groups = (wide + across - 1) / across;
      column = worker % groups * across;
      split = worker / groups % p.splits;
      copy = worker / groups / p.splits;
      copies = blockDim.x / H::threads / (groups * p.splits);
    }
  };
};
