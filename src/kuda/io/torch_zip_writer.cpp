// Writes what torch.save writes: a zip of stored members, a pickle of protocol 2 and one member per tensor.

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/utf8.h"
#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/torch_zip.h"

namespace kuda::io {
namespace {

constexpr std::string_view kFolder = "archive/";
constexpr std::size_t kAlignment = 64;  // of tensors, as PyTorch does

void append_number(std::string& text, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xffU);
}

/// The opcodes that torch.load(weights_only=True) knows, and no more.
class PickleText {
 public:
  void raw(std::string_view opcodes) { text_ += opcodes; }
  void global(std::string_view module, std::string_view name) { text_ += fmt::format("c{}\n{}\n", module, name); }
  void text(std::string_view value) {
    text_ += 'X';
    append_number(text_, value.size(), 4);
    text_ += value;
  }
  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      text_ += 'K';
      append_number(text_, static_cast<std::uint64_t>(value), 1);
    } else {
      text_ += "\x8a\x08";  // LONG1 of 8 bytes
      append_number(text_, static_cast<std::uint64_t>(value), 8);
    }
  }
  void tuple(const std::vector<std::int64_t>& values) {
    text_ += '(';
    for (const std::int64_t value : values) integer(value);
    text_ += 't';
  }
  [[nodiscard]] const std::string& content() const noexcept { return text_; }

 private:
  std::string text_;
};

std::string_view storage_name(const std::string& key, const Array& array) {
  if (const auto storage = facts_of(array.dtype).storage; !storage.empty()) return storage;
  throw DataError(fmt::format("'{}': {} has no storage in state dictionaries", key, dtype_name(array.dtype)));
}

std::string pickle_of(const std::map<std::string, Array>& arrays) {
  PickleText pickle;
  pickle.raw("\x80\x02");
  pickle.global("collections", "OrderedDict");
  pickle.raw(")R(");
  std::size_t number = 0;
  for (const auto& [key, array] : arrays) {
    if (!clean_utf8(key)) throw DataError("the name of a tensor is not UTF-8: " + printable(key));
    pickle.text(key);
    pickle.global("torch._utils", "_rebuild_tensor_v2");
    pickle.raw("((");
    pickle.text("storage");
    pickle.global("torch", storage_name(key, array));
    pickle.text(std::to_string(number++));
    pickle.text("cpu");
    pickle.integer(array.numel());
    pickle.raw("tQ");
    pickle.integer(0);
    pickle.tuple(array.shape);
    pickle.tuple(contiguous_strides(array.shape));
    pickle.raw("\x89");
    pickle.global("collections", "OrderedDict");
    pickle.raw(")RtR");
  }
  pickle.raw("u.");
  return pickle.content();
}

/// Stored members with alignment by an extra field, no dates: the same content gives the same bytes.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : path_(path), file_(path) {}

  void add(const std::string& name, std::span<const std::byte> bytes) {
    const auto crc =
        crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    const std::size_t start = static_cast<std::size_t>(position_) + 30 + name.size() + 4;
    const std::size_t padding = (kAlignment - start % kAlignment) % kAlignment;
    std::string fields;
    for (const std::uint64_t field : {20U, 0U, 0U, 0U, 0x21U}) append_number(fields, field, 2);  // 1980-01-01
    append_number(fields, crc, 4);
    append_number(fields, bytes.size(), 4);
    append_number(fields, bytes.size(), 4);
    append_number(fields, name.size(), 2);

    std::string local = "PK\x03\x04" + fields;
    append_number(local, 4 + padding, 2);
    local += name;
    append_number(local, 0x4246, 2);  // "FB": PyTorch's own padding field
    append_number(local, padding, 2);
    local.append(padding, 'Z');

    directory_ += "PK\x01\x02";
    append_number(directory_, 20, 2);
    directory_ += fields;
    for (int i = 0; i < 4; ++i) append_number(directory_, 0, 2);  // extra field, comment, disk, attributes
    append_number(directory_, 0, 4);
    append_number(directory_, position_, 4);
    directory_ += name;
    ++count_;
    write(std::as_bytes(std::span(local)));
    write(bytes);
  }

  void commit() {
    const std::uint64_t start = position_;
    std::string end = "PK\x05\x06";
    for (const std::uint64_t field : {std::uint64_t{0}, std::uint64_t{0}, count_, count_}) append_number(end, field, 2);
    append_number(end, directory_.size(), 4);
    append_number(end, start, 4);
    append_number(end, 0, 2);
    write(std::as_bytes(std::span(directory_)));
    write(std::as_bytes(std::span(end)));
    if (count_ >= 0xffff) throw DataError(path_.string() + ": more than 65,000 tensors", "write safetensors instead");
    file_.commit();
  }

 private:
  void write(std::span<const std::byte> bytes) {
    position_ += bytes.size();
    if (position_ >= std::numeric_limits<std::uint32_t>::max())
      throw DataError(path_.string() + ": more than 4 GB", "write safetensors instead");
    file_.write(bytes);
  }

  std::filesystem::path path_;
  AtomicFile file_;
  std::string directory_;
  std::uint64_t position_ = 0, count_ = 0;
};

void add_text(ZipWriter& zip, std::string_view name, std::string_view content) {
  zip.add(std::string(kFolder).append(name), std::as_bytes(std::span(content)));
}

}  // namespace

void write_torch_zip(const std::filesystem::path& path, const std::map<std::string, Array>& arrays) {
  const std::string pickle = pickle_of(arrays);
  ZipWriter zip(path);
  add_text(zip, "data.pkl", pickle);
  add_text(zip, "byteorder", "little");
  std::size_t number = 0;
  for (const auto& [key, array] : arrays) {
    const Array plain = make_contiguous(array);
    zip.add(fmt::format("{}data/{}", kFolder, number++),
            std::span(plain.data, static_cast<std::size_t>(plain.numel()) * item_size(plain.dtype)));
  }
  add_text(zip, "version", "3\n");
  zip.commit();
}

}  // namespace kuda::io
