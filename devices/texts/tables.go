package texts

// Columns are the heads of the tables that the command line prints, a tab
// between two columns.
var Columns = struct {
	Devices, Unknown, Verdicts, Facilities, Elders, Caregivers, Care, Groups, Shifts, Holidays,
	Channels, Failures, Incidents, Orders, Chains, Followers Text
}{
	Devices:    Text{"编号\t种类\t设施\t老人\t位置\t网桥\t名称\t上次上报\t电量\t状态", "ID\tKIND\tFACILITY\tELDER\tPLACE\tBRIDGE\tNAME\tHEARD\tBATTERY\tSTATE"},
	Unknown:    Text{"编号\t网桥\t地址\t像是\t上次上报\t次数\t内容", "ID\tBRIDGE\tADDRESS\tLOOKS LIKE\tLAST\tCOUNT\tSAYS"},
	Verdicts:   Text{"编号\t网桥\t地址\t状态", "ID\tBRIDGE\tADDRESS\tSTATE"},
	Facilities: Text{"编号\t区划\t运营单位\t名称", "ID\tREGION\tOPERATOR\tNAME"},
	Elders:     Text{"编号\t楼栋\t房间\t照护人员\t姓名", "ID\tBUILDING\tROOM\tCAREGIVERS\tNAME"},
	Caregivers: Text{"编号\t联系方式\t姓名", "ID\tCHANNELS\tNAME"},
	Care:       Text{"编号\t值班组\t外出至\t用餐\t巡访间隔（小时）", "ID\tGROUPS\tAWAY UNTIL\tMEAL\tROUND HOURS"},
	Groups:     Text{"编号\t职责\t成员\t名称", "ID\tROLE\tMEMBERS\tNAME"},
	Shifts:     Text{"编号\t值班组\t星期\t起\t止\t时段\t人员\t代替", "ID\tGROUP\tDAYS\tFIRST\tLAST\tHOURS\tPEOPLE\tINSTEAD"},
	Holidays:   Text{"日期\t名称", "DATE\tNAME"},
	Channels:   Text{"名称\t途径\t人数\t用量\t上次被接收\t上次结果\t地址", "NAME\tWAY\tPEOPLE\tBUDGET\tACCEPTED\tLAST\tADDRESS"},
	Failures:   Text{"时间\t渠道\t警报\t步骤\t尝试\t结果\t说明", "AT\tCHANNEL\tINCIDENT\tSTEP\tATTEMPTS\tRESULT\tDETAIL"},
	Incidents:  Text{"编号\t发起\t级别\t种类\t阶段\t楼栋\t房间\t经手", "ID\tRAISED\tPRIORITY\tKIND\tPHASE\tBUILDING\tROOM\tBY"},
	Orders:     Text{"编号\t时间\t设备\t命令\t下令人\t结果", "ID\tASKED\tDEVICE\tWHAT\tBY\tOUTCOME"},
	Chains:     Text{"事件链\t首条\t末条\t文件\t磁盘\t最早", "CHAIN\tFIRST\tLAST\tFILES\tDISK\tOLDEST"},
	Followers:  Text{"处理者\t紧急待处理\t普通待处理", "FOLLOWER\tURGENT LAG\tORDINARY LAG"},
}
