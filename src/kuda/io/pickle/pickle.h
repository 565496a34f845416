#pragma once
// A restricted pickle reader: interprets an allow-list (plain values, arrays) and can never run anything.
//
//   const Value root = read_pickle("unaligned_50.pkl");
//   const Array& audio = root.find("train")->find("audio")->array();

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kuda/base/file.h"
#include "kuda/io/pickle/value.h"

namespace kuda::io {

/// Protocols 0 to 5; numpy 1 and 2 module names; Python-2 strings; C and Fortran order; object arrays; torch tensors.
/// What no clip needs (dates, sets, pandas objects, arrays of dates) is left out: Value::Kind::object.
/// Array bytes stay in the mapped file where the protocol stores them raw (no copy).
/// Throws FormatError naming file and byte offset; a refused global is named.
[[nodiscard]] Value read_pickle(const std::filesystem::path& path);
[[nodiscard]] Value read_pickle(const std::shared_ptr<const MappedFile>& file);
/// The same from memory: `owner` keeps `bytes` alive, `name` stands for the file in messages.
[[nodiscard]] Value read_pickle(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                const std::string& name);

/// How to write what was left out (Value::Kind::object) so that it can be read, for a hint: "" where nothing is known.
[[nodiscard]] std::string recipe_for(std::string_view what, std::string_view file = "FILE");

}  // namespace kuda::io
