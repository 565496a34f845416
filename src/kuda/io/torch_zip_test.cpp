#include "kuda/io/torch_zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/weights_file.h"

namespace kuda::io {
namespace {

using test::data_file;
using test::error_of;
using testing::HasSubstr;

const std::vector<double> kWeight{0, 0.25, 0.5, 0.75, 1, 1.25}, kBias{-1.5, 2};  // make_files.py

ArrayFile read(const std::string& name) { return read_weights(data_file("torch/" + name)); }
std::string torch_zip_error(const std::string& name) {
  return error_of<FormatError>([&] { static_cast<void>(read(name)); });
}

std::vector<std::string> names_of(const ArrayFile& file) {
  std::vector<std::string> names;
  for (const auto& entry : file.arrays) names.push_back(entry.first);
  return names;
}

TEST(TorchZip, ReadsAStateDictOfAModule) {
  const ArrayFile file = read("state_dict.pth");
  EXPECT_EQ(names_of(file), (std::vector<std::string>{"0.bias", "0.weight", "1.bias", "1.num_batches_tracked",
                                                      "1.running_mean", "1.running_var", "1.weight"}));
  EXPECT_EQ(file.at("0.weight").describe(), "[2, 3] float32");
  EXPECT_EQ(file.at("0.weight").to_doubles(), kWeight);
  EXPECT_EQ(file.at("0.bias").to_doubles(), kBias);
  EXPECT_EQ(file.at("1.num_batches_tracked").describe(), "[] int64");
}

TEST(TorchZip, ReadsEveryLayoutOfDict) {
  for (const char* name : {"plain_dict.pth", "torch_1_6.pth", "nested_state_dict.pth", "nested_model.pth"}) {
    const ArrayFile file = read(name);
    EXPECT_EQ(names_of(file), (std::vector<std::string>{"bias", "weight"})) << name;
    EXPECT_EQ(file.at("weight").to_doubles(), kWeight) << name;
    EXPECT_EQ(file.at("bias").to_doubles(), kBias) << name;
  }
  EXPECT_EQ(read("prefixed.pth").at("Model.weight").to_doubles(), kWeight);
  EXPECT_EQ(read("parameter.pth").at("weight").to_doubles(), (std::vector<double>{1, 2}));
}

TEST(TorchZip, KeepsNumbersAndTextBesideTheTensors) {
  using Metadata = std::map<std::string, std::string>;
  EXPECT_EQ(read("nested_state_dict.pth").metadata, (Metadata{{"epoch", "3"}, {"version", "1.0"}}));
  EXPECT_EQ(read("nested_model.pth").metadata, (Metadata{{"best", "0.25"}, {"done", "true"}}));
}

TEST(TorchZip, ReadsEveryType) {
  const ArrayFile types = read("types.pth"), unsigned_types = read("unsigned.pth");
  EXPECT_EQ(types.arrays.size(), 10U);
  for (const auto& [name, array] : types.arrays) {
    EXPECT_EQ(dtype_name(array.dtype), name);
    if (name != "bool") {
      EXPECT_EQ(array.to_doubles(), (std::vector<double>{0, 1, 100})) << name;
    }
  }
  EXPECT_EQ(types.at("bool").to_doubles(), (std::vector<double>{1, 0}));
  EXPECT_EQ(unsigned_types.arrays.size(), 3U);
  for (const auto& [name, array] : unsigned_types.arrays) {
    EXPECT_EQ(dtype_name(array.dtype), name);
    EXPECT_EQ(array.to_doubles(), (std::vector<double>{0, 1, 65535})) << name;
  }
}

TEST(TorchZip, ReadsViewsOfOneStorage) {
  const ArrayFile file = read("views.pth");
  EXPECT_EQ(file.at("transposed").to_doubles(), (std::vector<double>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(file.at("part").to_doubles(), (std::vector<double>{5, 6}));
  EXPECT_EQ(file.at("scalar").to_doubles(), std::vector<double>{2.5});
  EXPECT_EQ(file.at("empty").describe(), "[0, 3] float32");
  EXPECT_EQ(file.at("expanded").to_doubles(), (std::vector<double>{1, 1, 1, 1}));
  EXPECT_EQ(file.at("part").data, file.at("whole").data + 20) << "no copy";
}

TEST(TorchZip, ReadsAnArchiveThatWasPackedAgain) {  // the byte order is then in memory that the reader must keep alive
  const ArrayFile file = read("deflated.pth");
  EXPECT_EQ(file.at("weight").to_doubles(), kWeight);
  EXPECT_EQ(file.at("bias").to_doubles(), kBias);
}

TEST(TorchZip, NamesWhatItRefuses) {
  EXPECT_THAT(torch_zip_error("whole_module.pth"),
              HasSubstr("expected a dict of tensors, found the object torch.nn.modules.container.Sequential"));
  EXPECT_THAT(torch_zip_error("whole_module.pth"), HasSubstr("model.state_dict()"));
  EXPECT_THAT(torch_zip_error("sparse.pth"), HasSubstr("its keys: weight (a sparse tensor)"));
  EXPECT_THAT(torch_zip_error("torchscript.pt"), HasSubstr("TorchScript program"));
  EXPECT_THAT(torch_zip_error("list.pth"), HasSubstr("expected a dict of tensors, found a list"));
  EXPECT_THAT(error_of<FormatError>([] { static_cast<void>(read_weights(data_file("numpy/stored.npz"))); }),
              HasSubstr("without data.pkl"));
  EXPECT_THAT(error_of<FormatError>([] { static_cast<void>(read_weights(data_file("numpy/c_order.npy"))); }),
              HasSubstr("this is a NumPy array (npy), not a file of weights"));
}

/// plain_dict.pth with some bytes of its (stored) pickle replaced by as many others; its CRC is blanked.
std::string error_of_patched(const std::string& from, const std::string& to) {
  std::string bytes = read_file(data_file("torch/torch_1_6.pth"));
  const auto at = bytes.find(from);
  if (at == std::string::npos || from.size() != to.size()) {
    ADD_FAILURE() << "cannot patch";
    return {};
  }
  bytes.replace(at, from.size(), to);
  const auto entry = bytes.find("PK\x01\x02");  // the directory's first entry is data.pkl
  bytes.replace(entry + 16, 4, std::string(4, '\0'));
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return error_of<FormatError>(
      [&] { static_cast<void>(read_torch_zip(std::as_bytes(std::span(*owner)), owner, "x.pth")); });
}

TEST(TorchZip, RefusesTensorsBeyondTheirStorage) {
  // weight: offset 0, size (2, 3), stride (3, 1) over 6 elements
  EXPECT_THAT(error_of_patched("K\x02K\x03\x86", "K\x03K\x03\x86"), HasSubstr("a tensor goes beyond its storage"));
  EXPECT_THAT(error_of_patched("K\x03K\x01\x86", "K\x04K\x01\x86"), HasSubstr("a tensor goes beyond its storage"));
  EXPECT_THAT(error_of_patched("cpuq\x06K\x06", "cpuq\x06K\x07"), HasSubstr("storage '0' has 24 bytes, 7 elements"));
}

TEST(TorchZip, ReadsBackWhatItWrites) {
  ArrayFile types = read("types.pth");
  types.arrays.merge(read("views.pth").arrays);
  const auto path = test::scratch("state.pth"), again = test::scratch("again.pth");
  write_torch_zip(path, types.arrays);
  write_torch_zip(again, types.arrays);
  EXPECT_EQ(read_file(path), read_file(again)) << "the same content gives the same bytes";
  const ArrayFile file = read_weights(path);
  ASSERT_EQ(names_of(file), names_of(types));
  for (const auto& [key, array] : types.arrays) {
    EXPECT_EQ(file.at(key).describe(), array.describe()) << key;
    EXPECT_EQ(file.at(key).to_doubles(), array.to_doubles()) << key;
    if (array.numel() != 0) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.at(key).data) % 64, 0U) << key;
    }
  }
}

TEST(TorchZip, WriterRefusesTypesThatHaveNoStorage) {
  const auto path = test::scratch("state.pth");
  EXPECT_THROW(write_torch_zip(path, read("unsigned.pth").arrays), DataError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace kuda::io
