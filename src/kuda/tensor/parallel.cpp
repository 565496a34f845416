#include "kuda/tensor/parallel.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <torch/torch.h>

namespace kuda {

void for_all(std::int64_t count, const std::function<void(std::int64_t first, std::int64_t last)>& work) {
  if (count <= 0) return;
  if (count == 1 || at::get_num_threads() == 1 || at::in_parallel_region()) {
    work(0, count);
    return;
  }
  // The one loop of LibTorch that is compiled there and takes any work: element by element over a tensor of numbers.
  auto numbers = at::arange(count, torch::kInt64);
  auto all = at::TensorIterator::nullary_op(numbers);
  all.for_each(
      [&](char** data, const std::int64_t* /*strides*/, std::int64_t size, std::int64_t rows) {
        const auto first = *reinterpret_cast<const std::int64_t*>(data[0]);
        work(first, first + size * rows);
      },
      /*grain_size=*/1);
}

}  // namespace kuda
