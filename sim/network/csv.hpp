// Lines of a CSV file, as spreadsheets and scripts write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/files/atomic_file.hpp"

namespace if4 {

/// Reads the lines of a file one after the other. A line ends with LF, CRLF or CR. Fields lie between commas, or, if
/// the first line has no comma, between semicolons or tabs, and blanks around them do not count; one that begins with
/// " may hold such a character, and "" for a quote. Blank lines, lines of separators alone, and lines that begin with
/// # are left out. A field that begins with # ends its line, and empty fields at the end are dropped.
class CsvReader {
 public:
  /// Throws InputError, naming the file, if it is larger than 16 MiB or no text: UTF-16, or with a NUL byte.
  explicit CsvReader(const std::string& path);
  /// Sets `fields` to those of the next line. Returns false at the end. Throws InputError for a line of more than 64.
  bool next(std::vector<std::string>& fields);
  /// "FILE: line N", for messages: the line that next() read last.
  std::string place() const;

 private:
  std::vector<std::string> split(std::string_view line) const;

  std::string path_, text_;
  std::string_view rest_;
  std::size_t line_ = 0;
  char separator_ = 0;  ///< 0 before the first line
};

/// `text` without the blanks around it.
std::string_view trim_field(std::string_view text);

/// `text` as a field that CsvReader reads as it is, in quotes if it needs them.
std::string csv_field(const std::string& text);

}  // namespace if4
