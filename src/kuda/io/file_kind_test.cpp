#include "kuda/io/file_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/pickle/pickle.h"
#include "kuda/io/pickle/test_pickle.h"

namespace kuda::io {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& bytes) {
  return test::error_of<FormatError>([&] { (void)test::read_text(bytes); });
}

/// Each magic number, and how its message begins; "x.pkl" is the file's name.
TEST(FileKind, FilesThatArePickledByNobodyAreNamedWithARecipe) {
  const std::string zeros(600, '\0');
  const std::vector<std::array<std::string, 3>> kinds{
      {"\x1f\x8b\b", "a gzip file", "gunzip -c 'x.pkl' > NEW.pkl"},
      {"BZh9", "a bzip2 file", "bunzip2 -c 'x.pkl'"},
      {test::raw("\xfd\x37zXZ\0"), "an xz file", "xz -dc 'x.pkl'"},
      {"\x28\xb5\x2f\xfd", "a zstd file", "zstd -dc"},
      {"x\x9c\x01", "a zlib stream (joblib.dump with compress)", "pickle.dump(joblib.load('x.pkl')"},
      {"PK\x03\x04", "a zip archive, and a damaged one", "fetch it again"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file", "h5py"},
      {std::string(512, '\0') + "\x89HDF\r\n\x1a\n", "an HDF5 file", "h5py"},
      {"MATLAB 5.0 MAT-file, Platform", "a MATLAB file", "scipy.io.loadmat('x.pkl')"},
      {"\xd0\xcf\x11\xe0", "an Excel workbook (xls)", "pandas.read_excel('x.pkl', dtype=str)"},
      {"PAR1", "a Parquet file", "pandas.read_parquet('x.pkl')"},
      {"ARROW1", "an Arrow (Feather) file", "label.csv"},
      {test::raw("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."),
       "a file of torch.save before 1.6", "torch.load('x.pkl'"},
      {"\x93NUMPY\x01", "a NumPy array (npy), not", "kuda data import label.csv"},
      {test::raw("\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (), }"),
       "a NumPy array (npy) of Python objects", "numpy.load('x.pkl', allow_pickle=True).item()"},
      {test::raw("\x02\0\0\0\0\0\0\0{}"), "a safetensors file", "kuda data import label.csv"},
      {std::string(257, 'a') + "ustar", "a tar archive", "tar xf 'x.pkl'"},
      {"<!DOCTYPE html><html>", "a web page (HTML)", "browser"},
      {"{\"train\": {\"id\": []}}", "a JSON text", "json.load(open('x.pkl'))"},
      {"video_id,clip_id,text,label\n1,2,a,0\n", "a table as text", "kuda data import label.csv"},
      {"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"},
      {test::raw("\0\0\0\x20") + "ftypisom", "an MP4 video", "extract"}};
  for (const auto& [bytes, name, hint] : kinds) {
    const auto message = refusal(bytes + (bytes.size() < 20 ? zeros : ""));
    EXPECT_THAT(message, HasSubstr("x.pkl: byte 0: this is " + name));
    EXPECT_THAT(message, HasSubstr("not a pickle"));
    EXPECT_THAT(message, HasSubstr(hint)) << name;
  }
}

TEST(FileKind, ArchivesAreKnownByTheirMembers) {
  const auto kind = [](const std::string& name) {
    const auto file = MappedFile::open(test::data_file(name));
    return recognise(file->bytes(), name).value().name;
  };
  EXPECT_EQ(kind("torch/plain_dict.pth"), "a zip archive of torch.save");
  EXPECT_EQ(kind("numpy/stored.npz"), "a zip archive of NumPy (npz)");
}

TEST(FileKind, JoblibIsNamedThoughItStartsAsAPickle) {
  const auto message = refusal("\x80\x04" + test::global("joblib.numpy_pickle", "NumpyArrayWrapper") + ".");
  EXPECT_THAT(message, HasSubstr("refused global joblib.numpy_pickle.NumpyArrayWrapper"));
  EXPECT_THAT(message, HasSubstr("pickle.dump(joblib.load('x.pkl'), open('NEW.pkl', 'wb'))"));
}

/// What is left out must be harmless by its name: nothing that is known to run things is passed over.
TEST(FileKind, OnlyHarmlessNamesAreLeftOut) {
  EXPECT_EQ(test::read_text("\x80\x02]" + test::global("datetime", "date") + "C\x04" + "abcd\x85Ra.")[0].text(),
            "datetime.date");
  EXPECT_EQ(test::read_text("\x80\x04(\x8f(K\x01K\x02\x90(K\x03\x91l.").size(), 2U) << "sets";
  for (const auto& [module, name] : std::vector<std::pair<std::string, std::string>>{{"builtins", "eval"},
                                                                                     {"builtins", "getattr"},
                                                                                     {"os", "system"},
                                                                                     {"numpy", "load"},
                                                                                     {"numpy.f2py", "getlincoef"},
                                                                                     {"datetimes", "x"},
                                                                                     {"functools", "partial"},
                                                                                     {"__main__", "Clip"}})
    EXPECT_THAT(refusal("\x80\x02}" + test::unicode("unused") + test::global(module, name) + ")Rs."),
                HasSubstr("refused global " + module + "." + name));
  EXPECT_THAT(refusal("\x80\x02(ios\nsystem\n."), HasSubstr("refused global os.system"));
}

/// The bytes of a tensor's storage inside a pickle, cut and changed at every place.
TEST(FileKind, DamagedStoragesAreRefused) {
  const std::string bytes = read_file(test::data_file("mmsa/tensors_p5.pkl"));
  for (std::size_t length = 0; length < bytes.size(); length += 7)
    EXPECT_THROW((void)test::read_text(bytes.substr(0, length)), FormatError) << length;
  const auto storage = bytes.find("FloatStorage");
  ASSERT_NE(storage, std::string::npos);
  std::string other = bytes;
  other.replace(storage, 12, "EvilOStorage");
  const Value vision = *test::read_text(other).find("train")->find("vision");
  EXPECT_EQ(vision.kind(), Value::Kind::object);
  EXPECT_EQ(vision.text(), "a tensor of torch.EvilOStorage");
  std::string count = bytes;
  const auto at = count.find("cpuq\x03K", storage);
  ASSERT_NE(at, std::string::npos);
  count[at + 6] = static_cast<char>(count[at + 6] + 1);
  EXPECT_THAT(refusal(count), HasSubstr("elements of FloatStorage are expected"));
}

}  // namespace
}  // namespace kuda::io
