#pragma once
// Which kind of file this is, by its bytes: for the message that a reader gives about a file that it does not read.
//
//   if (const auto kind = recognise(bytes, "x.pkl")) throw FormatError("x.pkl: this is " + kind->name, kind->hint);

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace kuda::io {

/// As what it was to be read: the hint leads there.
enum class FileUse { features, weights, table };

struct FileKind {
  std::string name;  ///< "a gzip file"
  std::string hint;  ///< how to make of it something that kuda reads, with the file's name filled in
};

/// Nothing for pickles, for tables where one is wanted, and for what is not known. `path` is for the hint; the bytes
/// alone decide.
[[nodiscard]] std::optional<FileKind> recognise(std::span<const std::byte> bytes, const std::string& path,
                                                FileUse use = FileUse::features);

}  // namespace kuda::io
