#include "kuda/io/weights_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/test_support.h"

namespace kuda::io {
namespace {

using test::data_file;
using test::error_of;
using testing::HasSubstr;

const std::vector<double> kLinear{0, 0.25, 0.5, 0.75, 1, 1.25};  // make_files.py

/// The tensors of a file of tests/data/torch, and what was said.
struct Said {
  ArrayFile file;
  std::string messages;
};
Said read_and_listen(const std::string& name) {
  Said said;
  const auto previous = set_log_sink([&](LogLevel, const std::string& message) { said.messages += message + "\n"; });
  try {
    said.file = read_weights(data_file("torch/" + name));
  } catch (...) {
    set_log_sink(previous);
    throw;
  }
  set_log_sink(previous);
  return said;
}

ArrayFile weights_of(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return read_weights(std::as_bytes(std::span(*owner)), owner, "x.pth");
}
std::string weights_error(const std::string& bytes) {
  return error_of<FormatError>([&] { static_cast<void>(weights_of(bytes)); });
}
std::string file_error(const std::string& name) {
  return error_of<FormatError>([&] { static_cast<void>(read_weights(data_file("torch/" + name))); });
}

void expect_linear(const ArrayFile& file, const std::string& what) {
  ASSERT_EQ(file.arrays.size(), 2U) << what;
  EXPECT_EQ(file.at("weight").to_doubles(), kLinear) << what;
  EXPECT_EQ(file.at("bias").to_doubles(), (std::vector<double>{-1.5, 2})) << what;
}

TEST(Weights, AreRecognisedByContentNotByName) {
  const ArrayFile file = read_weights(data_file("torch/plain_dict.pth"));
  const auto path = test::scratch("safetensors.pth");
  write_safetensors(path, file.arrays, {{"format", "pt"}});
  expect_linear(read_weights(path), "safetensors in a .pth");
  const auto renamed = test::scratch("zip.safetensors");
  write_file(renamed, read_file(data_file("torch/plain_dict.pth")));
  expect_linear(read_weights(renamed), "a zip archive in a .safetensors");
}

TEST(Weights, TheOnlyDictOfTensorsIsTakenAndTheRestIsNamed) {
  for (const char* name : {"beside.pth", "beside_legacy.pth"}) {
    const auto [file, messages] = read_and_listen(name);
    expect_linear(file, name);
    EXPECT_EQ(file.metadata.at("epoch"), "7");
    EXPECT_THAT(messages, HasSubstr("the tensors are those of 'net'"));
    for (const char* left :
         {"size (torch.Size)", "device (torch.device)", "dtype (torch.float32)", "args (argparse.Namespace)",
          "big (an integer of more than 64 bits)", "complex (", "set (", "counter (collections.Counter)",
          "path (pathlib.PurePosixPath)", "rng_state ([4] uint8)", "optimizer (dict)", "log (dict)"})
      EXPECT_THAT(messages, HasSubstr(left)) << name;
  }
  expect_linear(read_and_listen("tuple.pth").file, "a tuple");
  expect_linear(read_and_listen("dict_subclass.pth").file, "a subclass of dict");
}

TEST(Weights, SeveralDictsOfTensorsAreListed) {
  EXPECT_THAT(file_error("several.pth"),
              HasSubstr("several dicts of tensors: model (2 tensors), nested.ema (2 tensors)"));
}

TEST(Weights, TensorsThatAreNoPlainArraysAreNamedAndLeftOut) {
  const auto [file, messages] = read_and_listen("unread.pth");
  expect_linear(file, "unread.pth");
  for (const char* left :
       {"sparse (a sparse tensor)", "quantised (a quantised tensor)", "complex (a tensor of torch.ComplexFloatStorage)",
        "float8 (a tensor of torch.float8_e4m3fn)", "negated (a tensor with a conjugate or negative bit)",
        "meta (a tensor without data (meta))"})
    EXPECT_THAT(messages, HasSubstr(left));
}

TEST(Weights, TensorsWithAttributesAreTensors) {
  const ArrayFile file = read_weights(data_file("torch/attributes.pth"));
  EXPECT_EQ(file.arrays.size(), 3U);
  EXPECT_EQ(file.at("weight").to_doubles(), kLinear);
  EXPECT_EQ(file.at("buffer").to_doubles(), std::vector<double>{3});
}

TEST(TorchLegacy, ReadsTheFormatBeforePyTorch16) {
  expect_linear(read_weights(data_file("torch/legacy.pth")), "legacy.pth");
  expect_linear(read_weights(data_file("torch/legacy_protocol4.pth")), "legacy_protocol4.pth");
  const ArrayFile views = read_weights(data_file("torch/legacy_views.pth"));
  EXPECT_EQ(views.at("transposed").to_doubles(), (std::vector<double>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  EXPECT_EQ(views.at("part").to_doubles(), (std::vector<double>{5, 6}));
  EXPECT_EQ(views.at("part").data, views.at("whole").data + 20) << "no copy";
  EXPECT_EQ(views.at("empty").describe(), "[0, 3] float32");
  EXPECT_EQ(views.at("half").to_doubles(), std::vector<double>{1.5});
  EXPECT_EQ(views.at("count").to_integers("count"), std::vector<std::int64_t>{3});
}

TEST(TorchLegacy, ReadsWhatPython2WroteWithViewsOfStorages) {
  const ArrayFile file = read_weights(data_file("torch/legacy_python2.pth"));
  EXPECT_EQ(file.at("weight").describe(), "[2, 3] float32");
  EXPECT_EQ(file.at("weight").to_doubles(), (std::vector<double>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(file.at("bias").to_doubles(), (std::vector<double>{10, 11}));
}

TEST(TorchLegacy, RefusesEveryTruncation) {
  for (const char* name : {"legacy.pth", "legacy_python2.pth", "legacy_views.pth"}) {
    const std::string bytes = read_file(data_file(std::string("torch/") + name));
    for (std::size_t length = 0; length < bytes.size(); ++length)
      EXPECT_THROW(static_cast<void>(weights_of(bytes.substr(0, length))), FormatError) << name << " cut at " << length;
  }
}

/// legacy_python2.pth with some of its bytes replaced by as many others.
std::string error_of_changed(const std::string& from, const std::string& to) {
  std::string bytes = read_file(data_file("torch/legacy_python2.pth"));
  const auto at = bytes.rfind(from);
  if (at == std::string::npos || from.size() != to.size()) {
    ADD_FAILURE() << "cannot change";
    return {};
  }
  return weights_error(bytes.replace(at, from.size(), to));
}

TEST(TorchLegacy, SizesAreCheckedAgainstTheFile) {
  using namespace std::string_literals;
  EXPECT_THAT(error_of_changed("\x0c\0\0\0\0\0\0\0"s, "\x0d\0\0\0\0\0\0\0"s),
              HasSubstr("storage '7' has 13 elements, 12 are expected"));
  EXPECT_THAT(error_of_changed("\x0c\0\0\0\0\0\0\0"s, "\x0c\0\0\0\0\0\0\x40"s), HasSubstr("12 are expected"));
  EXPECT_THAT(error_of_changed("U\x01"s + "7"s, "U\x01"s + "8"s), HasSubstr("storage '8' belongs to no tensor"));
  EXPECT_THAT(error_of_changed("K\x02K\x06\x87"s, "K\x08K\x06\x87"s), HasSubstr("a view goes beyond its storage"));
  EXPECT_THAT(error_of_changed("K\x0aK\x02\x85"s, "K\x0bK\x02\x85"s), HasSubstr("a tensor goes beyond its storage"));
}

TEST(Weights, FilesThatAreOftenTakenForWeightsAreNamed) {
  EXPECT_THAT(weights_error("version https://git-lfs.github.com/spec/v1\noid sha256:"), HasSubstr("a Git LFS pointer"));
  EXPECT_THAT(weights_error("<!DOCTYPE html><html>"), HasSubstr("a web page (HTML), not a file of weights"));
  EXPECT_THAT(weights_error("\x1f\x8b\b"), HasSubstr("gunzip -c 'x.pth' > NEW.pth"));
  EXPECT_THAT(weights_error("{\"weight_map\": {}}"), HasSubstr("name the file that holds the tensors"));
  EXPECT_THAT(weights_error(read_file(data_file("torch/plain_dict.pth")).substr(0, 1000)), HasSubstr("cut short"));
  EXPECT_THAT(weights_error("\x89HDF\r\n\x1a\n"), HasSubstr("an HDF5 file"));
  EXPECT_THAT(weights_error("\x80\x02}q\x01."), HasSubstr("a pickle that torch.save did not write"));
  EXPECT_THAT(weights_error("hello"), HasSubstr("neither a safetensors file nor one of torch.save"));
  EXPECT_THAT(weights_error(""), HasSubstr("the file is empty"));
}

}  // namespace
}  // namespace kuda::io
