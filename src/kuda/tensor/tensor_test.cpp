#include "kuda/tensor/tensor.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"
#include "kuda/io/npy.h"
#include "kuda/io/weights_file.h"

namespace kuda::io {
namespace {

TEST(Tensor, SharesTheBytesOfAnArrayAndKeepsThemAlive) {
  at::Tensor tensor;
  const void* data = nullptr;
  {
    const Array array = make_array({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    data = array.data;
    tensor = to_tensor(array);
  }
  EXPECT_EQ(tensor.const_data_ptr(), data);
  EXPECT_EQ(tensor.sum().item<float>(), 21.0F);
}

TEST(Tensor, SharesFortranOrderByStrides) {
  const Array array = read_npy(test::data_file("numpy/fortran_order.npy"));
  const at::Tensor tensor = to_tensor(array);
  EXPECT_EQ(tensor.const_data_ptr(), array.data);
  EXPECT_TRUE(at::equal(tensor, at::arange(0, 1.5, 0.25, at::kFloat).reshape({2, 3})));
}

TEST(Tensor, CopiesUnalignedBytesOnce) {
  const auto bytes = std::make_shared<const std::vector<float>>(std::vector<float>{0, 0, 0});
  Array array = make_array({2}, std::vector<float>{0, 0});
  array.data = reinterpret_cast<const std::byte*>(bytes->data()) + 1;
  array.owner = bytes;
  const at::Tensor tensor = to_tensor(array);
  EXPECT_NE(tensor.const_data_ptr(), array.data);
  EXPECT_EQ(tensor.sum().item<float>(), 0.0F);
}

TEST(Tensor, KeepsEveryTypeThereAndBack) {
  const ArrayFile file = read_weights(test::data_file("torch/types.pth"));
  for (const auto& [name, array] : file.arrays) {
    const Array back = to_array(to_tensor(array));
    EXPECT_EQ(back.describe(), array.describe());
    EXPECT_EQ(back.to_doubles(), array.to_doubles()) << name;
  }
}

TEST(Tensor, WidensUnsignedIntegers) {
  const ArrayFile file = read_weights(test::data_file("torch/unsigned.pth"));
  for (const auto& [name, array] : file.arrays)
    EXPECT_TRUE(at::equal(to_tensor(array), at::tensor({0, 1, 65535}, at::kLong))) << name;
}

TEST(Tensor, MakesOtherTensorsContiguous) {
  const at::Tensor tensor = at::arange(6, at::kDouble).reshape({2, 3});
  EXPECT_EQ(to_array(tensor).data, tensor.const_data_ptr());
  EXPECT_EQ(to_array(tensor.t()).to_doubles(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(to_array(tensor.sum()).describe(), "[] float64");
}

TEST(Tensor, KeepsEmptyShapes) {
  const at::Tensor tensor = to_tensor(make_array({0, 3}, std::vector<float>{}));
  EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{0, 3}));
}

}  // namespace
}  // namespace kuda::io
