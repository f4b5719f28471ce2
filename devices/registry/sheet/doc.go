// Package sheet registers many records at once, from a table that somebody has
// filled in (CSV, as Excel saves it) or a YAML file.
//
// # CSV
//
// The first line names the columns, by the names of the fields or in Chinese:
//
//	record,id,kind,name,facility,compartments
//	facility,east,,东门快递柜,,
//	device,locker-east,locker,1号柜,east,24
//
// The column record (类别) says of which table a line is: facility, device,
// elder, caregiver, care, group, shift or holiday, 设施, 设备, 老人, 照护人员,
// 照护约定, 值班组, 班次 or 节假日; without that column all lines are devices. An empty cell leaves as it is what is registered, a cell with
// nothing but a minus sign clears it. Lists are separated by semicolons, ways to
// reach somebody are written kind=address. The file is in UTF-8, with or
// without a byte order mark, or in GBK; columns are separated by commas,
// semicolons or tabs.
//
// # YAML
//
// Tables by name, in each a list of records with their fields as in the
// registry's documents. All tables can be written so.
//
//	facilities:
//	  - {id: east, name: 东门快递柜}
//	devices:
//	  - {id: locker-east, kind: locker, facility: east, compartments: 24}
//
// # What it promises
//
//   - [Read] changes nothing. A file is either understood or refused, with the
//     line and the column of the first mistake, and the mend.
//   - [Sheet.Preview] says what would change, [Sheet.Apply] changes it: all of
//     it in one transaction or nothing. A refusal names the line. Who has seen
//     the one gets no other: see [Digest].
//   - A record that is there already keeps the fields that the file does not
//     name. Nothing is ever removed.
//   - Time and memory are bounded: files of 2 MiB and 5,000 records, YAML
//     without aliases and nested at most 32 deep.
package sheet
